package media

import "encoding/binary"

// bigEndian tells the order of bytes of this machine's words.
var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1
