package codec

// Adopt makes the encoder to go on where another of the same codec is now: a decoder
// that has followed from can follow to. Encoders that keep no state, and those of
// different codecs, stay as they are.
func Adopt(to, from Encoder) {
	if a, ok := to.(adopter); ok {
		a.adopt(from)
	}
}

type adopter interface{ adopt(from Encoder) }

func (e *g722Encoder) adopt(from Encoder) {
	if f, ok := from.(*g722Encoder); ok {
		*e = *f
	}
}
