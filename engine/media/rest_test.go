package media

import "testing"

// A shard without sessions waits for a command, however long that takes, and the next session is served as ever.
func TestAShardRestsWithoutSessions(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		if !w.sh.idle() {
			t.Error("an empty shard does not rest")
		}
		w.sh.tick = -1000 // five seconds ago
		s, err := w.e.NewSession(SessionOptions{Bind: loopback})
		if err != nil {
			t.Fatal(err)
		}
		w.sh.rest() // until the command that brings it
		if late := w.sh.lateness(); late > 100*tickLength {
			t.Errorf("ticks of %v are made up for", late)
		}
		w.sh.step()
		if w.sh.idle() {
			t.Error("the session has not come")
		}
		s.Close()
		w.sh.step()
		if !w.sh.idle() {
			t.Error("the session has not gone")
		}
	})
}
