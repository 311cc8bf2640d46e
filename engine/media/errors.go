package media

import "errors"

// Errors of this package, wrapped with what was being done.
var (
	ErrClosed     = errors.New("media: closed")
	ErrNoPorts    = errors.New("media: no free RTP ports")
	ErrNoDriver   = errors.New("media: no such driver on this system")
	ErrBadFormat  = errors.New("media: format that cannot be sent or received")
	ErrNoEvents   = errors.New("media: telephone-event was not negotiated")
	ErrNotSending = errors.New("media: the session may not send")
	ErrBadDigit   = errors.New("media: not a DTMF digit")
	ErrBadWAV     = errors.New("media: not a WAV file that can be read")
)
