package wire

// syntax is how a header's value is brought into plain form.
type syntax uint8

const (
	plain   syntax = iota // trimmed
	params                // value *( ";" name [ "=" value ] )
	address               // name-addr or addr-spec with parameters
	bare                  // the same, the display name left out: nobody reads it, and sipgo stumbles over it
	via
	callID
	cseq
	number
)

// header is what is known of a header field.
type header struct {
	name   string // as RFC 3261 and its kin write it
	syntax syntax
	list   bool // a comma separates values: each gets a line of its own
	id     id   // idNone: any number of them is fine
}

// id numbers the headers that may be there only once, and Via.
type id uint8

const (
	idNone id = iota
	idVia
	idFrom
	idTo
	idCallID
	idCSeq
	idMaxForwards
	idContentLength
	idContentType
	idReferTo
	idReferredBy
	idEvent
	idSessionExpires
	ids // how many
)

// known are the headers whose value we touch, and all compact forms (the IANA
// registry of SIP header fields). Keys are lower case.
var known = map[string]header{
	"via": hVia, "v": hVia,
	"from": hFrom, "f": hFrom,
	"to": hTo, "t": hTo,
	"call-id": hCallID, "i": hCallID,
	"cseq":           hCSeq,
	"max-forwards":   hMaxForwards,
	"content-length": hContentLength, "l": hContentLength,
	"contact": hContact, "m": hContact,
	"content-type": hContentType, "c": hContentType,
	"refer-to": hReferTo, "r": hReferTo,
	"referred-by": hReferredBy, "b": hReferredBy,
	"event": hEvent, "o": hEvent,
	"session-expires": hSessionExpires, "x": hSessionExpires,
	"route":                {name: "Route", syntax: bare, list: true},
	"record-route":         {name: "Record-Route", syntax: bare, list: true},
	"path":                 {name: "Path", syntax: address, list: true},
	"service-route":        {name: "Service-Route", syntax: address, list: true},
	"p-asserted-identity":  {name: "P-Asserted-Identity", syntax: address, list: true},
	"p-preferred-identity": {name: "P-Preferred-Identity", syntax: address, list: true},
	"diversion":            {name: "Diversion", syntax: address, list: true},
	"history-info":         {name: "History-Info", syntax: address, list: true},
	"remote-party-id":      {name: "Remote-Party-ID", syntax: address, list: true},
	"reply-to":             {name: "Reply-To", syntax: address},
	"min-se":               {name: "Min-SE", syntax: params},
	"replaces":             {name: "Replaces", syntax: params},
	"join":                 {name: "Join", syntax: params},
	"reason":               {name: "Reason", syntax: params},
	"subscription-state":   {name: "Subscription-State", syntax: params},
	"content-disposition":  {name: "Content-Disposition", syntax: params},
	"target-dialog":        {name: "Target-Dialog", syntax: params},
	"supported":            {name: "Supported"}, "k": {name: "Supported"},
	"require": {name: "Require"},
	"expires": {name: "Expires"},
	"subject": {name: "Subject"}, "s": {name: "Subject"},
	"content-encoding": {name: "Content-Encoding"}, "e": {name: "Content-Encoding"},
	"allow-events": {name: "Allow-Events"}, "u": {name: "Allow-Events"},
	"a": {name: "Accept-Contact"},
	"d": {name: "Request-Disposition"},
	"j": {name: "Reject-Contact"},
	"n": {name: "Identity-Info"},
	"y": {name: "Identity"},
}

var (
	hVia            = header{name: "Via", syntax: via, list: true, id: idVia}
	hFrom           = header{name: "From", syntax: address, id: idFrom}
	hTo             = header{name: "To", syntax: address, id: idTo}
	hCallID         = header{name: "Call-ID", syntax: callID, id: idCallID}
	hCSeq           = header{name: "CSeq", syntax: cseq, id: idCSeq}
	hMaxForwards    = header{name: "Max-Forwards", syntax: number, id: idMaxForwards}
	hContentLength  = header{name: "Content-Length", syntax: number, id: idContentLength}
	hContact        = header{name: "Contact", syntax: address, list: true}
	hContentType    = header{name: "Content-Type", syntax: params, id: idContentType}
	hReferTo        = header{name: "Refer-To", syntax: bare, id: idReferTo}
	hReferredBy     = header{name: "Referred-By", syntax: address, id: idReferredBy}
	hEvent          = header{name: "Event", syntax: params, id: idEvent}
	hSessionExpires = header{name: "Session-Expires", syntax: params, id: idSessionExpires}
)

// lookup finds a header by its name as it was sent.
func lookup(name []byte) header {
	var lower [32]byte
	if len(name) > len(lower) {
		return header{name: string(name)}
	}
	for i, c := range name {
		lower[i] = toLower(c)
	}
	if h, ok := known[string(lower[:len(name)])]; ok {
		return h
	}
	return header{name: string(name)}
}
