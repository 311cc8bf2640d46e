package trace

import (
	"encoding/json"
	"time"
)

// Trace is a call's trace as JSON.
type Trace struct {
	Info
	Steps []Step `json:"story"`
}

// stepJSON is a Step as JSON.
type stepJSON struct {
	Seq    int       `json:"seq"`
	Time   time.Time `json:"time"`
	Offset float64   `json:"offset"` // seconds since the call began
	Kind   Kind      `json:"kind"`
	Text   string    `json:"text"`
	At     string    `json:"at,omitempty"`
	From   string    `json:"from,omitempty"`
	To     string    `json:"to,omitempty"`
	Dialog string    `json:"dialog,omitempty"`
	Fields []Field   `json:"fields,omitempty"`
	Raw    string    `json:"raw,omitempty"`
	Call   string    `json:"call"`
}

// MarshalJSON gives the offset in seconds.
func (s Step) MarshalJSON() ([]byte, error) {
	return json.Marshal(stepJSON{s.Seq, s.Time, s.Offset.Seconds(), s.Kind, s.Text, s.At, s.From, s.To, s.Dialog, s.Fields, s.Raw, s.Call})
}

// UnmarshalJSON reads what MarshalJSON has written.
func (s *Step) UnmarshalJSON(b []byte) error {
	var j stepJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	offset := time.Duration(j.Offset * float64(time.Second)).Round(time.Microsecond)
	*s = Step{Call: j.Call, Dialog: j.Dialog, Seq: j.Seq, Time: j.Time, Offset: offset, Kind: j.Kind, Text: j.Text, At: j.At, From: j.From, To: j.To, Fields: j.Fields, Raw: j.Raw}
	return nil
}
