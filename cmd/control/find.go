package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Exchange is one that runs, or ran and died: where its socket is and what it is.
type Exchange struct {
	PID     int       `json:"pid"`
	Mode    string    `json:"mode"` // "demo" or "serve"
	Name    string    `json:"name"`
	Socket  string    `json:"socket"`
	Data    string    `json:"data"`
	Started time.Time `json:"started"`
}

// dataFile is what a data folder tells of the exchange that holds it.
const dataFile = "exchange.json"

// Announce tells those who look in the data folder, and those who look in the runtime
// folder, about a running exchange. What it returns takes both back.
func Announce(runtime string, e Exchange) (func(), error) {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return nil, err
	}
	places := []string{filepath.Join(e.Data, dataFile)}
	if err := private(runtime); err != nil {
		return nil, fmt.Errorf("announcing the exchange: %w", err)
	}
	places = append(places, filepath.Join(runtime, strconv.Itoa(e.PID)+".json"))
	remove := func() {
		for _, p := range places {
			_ = os.Remove(p)
		}
	}
	for _, p := range places {
		if err := writeFile(p, text); err != nil {
			remove()
			return nil, fmt.Errorf("announcing the exchange: %w", err)
		}
	}
	return remove, nil
}

// writeFile replaces a file in one step.
func writeFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// Holder tells which exchange a data folder names as its own. It may be dead by now.
func Holder(data string) (Exchange, bool) { return readFile(filepath.Join(data, dataFile)) }

// Find lists the exchanges that were announced in the runtime folder, the latest first.
// Dead ones may be among them.
func Find(runtime string) ([]Exchange, error) {
	entries, err := os.ReadDir(runtime)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := private(runtime); err != nil {
		return nil, err
	}
	var all []Exchange
	for _, entry := range entries {
		if e, ok := readFile(filepath.Join(runtime, entry.Name())); ok {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b Exchange) int { return b.Started.Compare(a.Started) })
	return all, nil
}

func readFile(path string) (e Exchange, ok bool) {
	if filepath.Ext(path) != ".json" {
		return e, false
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &e) != nil || e.Socket == "" {
		return Exchange{}, false
	}
	return e, true
}

// Runtime is the folder in which running exchanges of this user are announced: $BELFRY_RUNTIME,
// the user's runtime folder, or one of the user's own among the temporary files.
func Runtime() string {
	if dir := os.Getenv("BELFRY_RUNTIME"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "belfry")
	}
	return filepath.Join(os.TempDir(), "belfry-"+strconv.Itoa(os.Getuid()))
}
