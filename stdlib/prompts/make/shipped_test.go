package main

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	prompts "github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/stdlib"
)

func shippedList(t *testing.T) []prompt {
	t.Helper()
	text, err := fs.ReadFile(stdlib.Prompts(), "en.txt")
	if err != nil {
		t.Fatal(err)
	}
	list, err := parseList(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestListAndFilesAgree(t *testing.T) {
	var listed []string
	for _, p := range shippedList(t) {
		listed = append(listed, p.Name)
	}
	slices.Sort(listed)
	files := prompts.New(prompts.Options{Sources: []fs.FS{stdlib.Prompts()}}).Names("en")
	if !slices.Equal(listed, files) {
		for _, name := range listed {
			if !slices.Contains(files, name) {
				t.Errorf("%s is in the list and has no file", name)
			}
		}
		for _, name := range files {
			if !slices.Contains(listed, name) {
				t.Errorf("%s has a file and is not in the list", name)
			}
		}
	}
}

func TestGroupsAreSorted(t *testing.T) {
	var last prompt
	for _, p := range shippedList(t) {
		if p.Group == last.Group && p.Name < last.Name {
			t.Errorf("%s stands after %s", p.Name, last.Name)
		}
		if p.Group == "" {
			t.Errorf("%s is in no group", p.Name)
		}
		last = p
	}
}

// levelsOf gives the RMS of each 10 ms, in dBFS.
func levelsOf(pcm []int16) []float64 {
	var levels []float64
	for len(pcm) >= rate/100 {
		sum := 0.0
		for _, v := range pcm[:rate/100] {
			sum += float64(v) * float64(v)
		}
		levels = append(levels, 10*math.Log10(sum/(rate/100)+1e-9)-20*math.Log10(32768))
		pcm = pcm[rate/100:]
	}
	return levels
}

func mean(levels []float64) float64 {
	sum := 0.0
	for _, l := range levels {
		sum += math.Pow(10, l/10)
	}
	return 10 * math.Log10(sum/float64(len(levels)))
}

func TestEveryShippedSound(t *testing.T) {
	library := prompts.New(prompts.Options{Sources: []fs.FS{stdlib.Prompts()}})
	for _, p := range shippedList(t) {
		s, err := library.Sound(t.Context(), p.Name, "en")
		if err != nil {
			t.Error(err)
			continue
		}
		clip := s.Clips[0]
		if clip.Rate() != rate {
			t.Errorf("%s: %d Hz", p.Name, clip.Rate())
		}
		levels := levelsOf(clip.PCM())
		if peak := peakOf(clip.PCM()); peak > -3 {
			t.Errorf("%s: a peak of %.1f dBFS", p.Name, peak)
		}
		var active []float64
		first, last := -1, 0
		for i, l := range levels {
			if l > -50 {
				active = append(active, l)
			}
			if l > -61 { // an f or a th is no louder
				last = i
				if first < 0 {
					first = i
				}
			}
		}
		if first < 0 {
			t.Errorf("%s: silent", p.Name)
			continue
		}
		if first*10 > 100 || (len(levels)-1-last)*10 > 150 {
			t.Errorf("%s: %d ms of silence before, %d after", p.Name, first*10, (len(levels)-1-last)*10)
		}
		from, to := -28.5, -21.5
		if p.isTone() {
			from, to = -19.5, -16.5
		}
		if level := mean(active); level < from || level > to {
			t.Errorf("%s: %.1f dBFS while it sounds", p.Name, level)
		}
		// From slow speech to fast: 4 to 30 letters a second.
		letters := float64(len(strings.Join(p.sentences(), " ")))
		if seconds := clip.Duration().Seconds(); !p.isTone() && (seconds < 0.15 || seconds > 0.8+letters/8 || seconds < letters/30) {
			t.Errorf("%s: %.2f s for %q", p.Name, seconds, p.Text)
		}
	}
}

func peakOf(pcm []int16) float64 {
	peak := 1.0
	for _, v := range pcm {
		peak = max(peak, math.Abs(float64(v)))
	}
	return 20 * math.Log10(peak/32768)
}

func TestShippedSetStaysSmall(t *testing.T) {
	total := int64(0)
	err := fs.WalkDir(stdlib.Prompts(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".wav") {
			return err
		}
		info, err := d.Info()
		total += info.Size()
		return err
	})
	if err != nil || total > 12<<20 {
		t.Errorf("%d bytes of sound, %v; want 12 MiB at most", total, err)
	}
}

func TestBellsCanBeBorne(t *testing.T) {
	s, err := prompts.New(prompts.Options{Sources: []fs.FS{stdlib.Prompts()}}).Music("bells")
	if err != nil {
		t.Fatal(err)
	}
	pcm := s.Clips[0].PCM()
	if length := s.Clips[0].Duration().Seconds(); length < 60 || length > 90 || !s.Loop {
		t.Errorf("%.1f s, loop %v", length, s.Loop)
	}
	levels := levelsOf(pcm)
	if level := mean(levels); math.Abs(level+26) > 0.5 {
		t.Errorf("%.1f dBFS, want -26", level)
	}
	if peak := peakOf(pcm); peak > -6 {
		t.Errorf("a peak of %.1f dBFS", peak)
	}
	if quietest := slices.Min(levels); quietest < -50 {
		t.Errorf("it falls silent (%.1f dBFS), as if the call had gone", quietest)
	}
	largest := 0.0
	for i := 1; i < len(pcm); i++ {
		largest = max(largest, math.Abs(float64(pcm[i])-float64(pcm[i-1])))
	}
	if seam := math.Abs(float64(pcm[0]) - float64(pcm[len(pcm)-1])); seam > largest/2 {
		t.Errorf("a step of %.0f at the seam; the largest elsewhere is %.0f", seam, largest)
	}
	// Round the seam it sounds on as before: no swell and no gap.
	rise := func(at int) float64 { return mean(levels[at:at+10]) - mean(levels[at-10:at]) }
	lowest, highest := 0.0, 0.0
	for i := 10; i+10 <= len(levels); i++ {
		lowest, highest = min(lowest, rise(i)), max(highest, rise(i))
	}
	if seam := mean(levels[:10]) - mean(levels[len(levels)-10:]); seam < lowest || seam > highest {
		t.Errorf("%.1f dB louder after the seam; %.1f to %.1f elsewhere", seam, lowest, highest)
	}
}

func TestBellsAreTheCommittedOnes(t *testing.T) {
	committed, err := fs.ReadFile(stdlib.Prompts(), "music/bells.wav")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encodeWAV(bells()), committed) {
		t.Error("music/bells.wav is not what the maker rings now: run go run ./stdlib/prompts/make")
	}
}

func TestPlainHunt(t *testing.T) {
	rows := huntRows()
	if len(rows) != 24 {
		t.Fatalf("%d rows", len(rows))
	}
	home := [bellCount]int{0, 1, 2, 3, 4, 5, 6, 7}
	for i, row := range rows {
		sorted := row
		slices.Sort(sorted[:])
		if sorted != home {
			t.Errorf("row %d is no row: %v", i, row)
		}
		isRounds := i < rounds || i >= rounds+2*bellCount-1
		if (row == home) != isRounds {
			t.Errorf("row %d: %v", i, row)
		}
		for place, bell := range row {
			if i > 0 && math.Abs(float64(slices.Index(rows[i-1][:], bell)-place)) > 1 {
				t.Errorf("bell %d moves more than one place into row %d", bell, i)
			}
		}
	}
	if rows[4] != [bellCount]int{1, 0, 3, 2, 5, 4, 7, 6} || rows[5] != [bellCount]int{1, 3, 0, 5, 2, 7, 4, 6} {
		t.Errorf("the hunt begins %v, %v", rows[4], rows[5])
	}
}

func TestRunWritesWhatChangedAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	// A synthesiser that says the same whatever the text: it copies a file.
	said := t.TempDir() + "/said.wav"
	speech := make([]float64, rate)
	for i := range speech {
		if i > rate/4 && i < rate/2 {
			speech[i] = 0.9 * math.Sin(2*math.Pi*300*float64(i)/rate)
		}
	}
	put(t, said, pcmWAV(toPCM(speech)))
	put(t, dir+"/xx.txt", []byte("# Test\nbeep\t(tone)\nsub/one\tOne. Two.\n"))
	put(t, dir+"/xx/gone.wav", []byte("old"))
	speak := func() {
		t.Helper()
		if err := run(t.Context(), dir, "xx", "cp "+said+" {wav}", false); err != nil {
			t.Fatal(err)
		}
	}
	speak()
	library := prompts.New(prompts.Options{Sources: []fs.FS{os.DirFS(dir)}, Language: "xx"})
	if got := library.Names(""); !slices.Equal(got, []string{"beep", "sub/one"}) {
		t.Errorf("files %v", got)
	}
	s, err := library.Sound(t.Context(), "sub/one", "")
	if err != nil {
		t.Fatal(err)
	}
	// Two sentences of 0.25 s, 0.35 s between them, 0.13 s of edges.
	if got := s.Clips[0].Duration().Seconds(); math.Abs(got-0.98) > 0.06 {
		t.Errorf("%.2f s, want about 0.98", got)
	}
	before := stamp(t, dir+"/xx/sub/one.wav")
	speak()
	if after := stamp(t, dir+"/xx/sub/one.wav"); after != before {
		t.Error("the same sound was written again")
	}
	if err := run(t.Context(), dir, "xx", "false", false); err == nil {
		t.Error("a synthesiser that fails went unnoticed")
	}
}

func stamp(t *testing.T, path string) int64 {
	t.Helper()
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return old.ModTime().UnixNano()
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		if err := os.MkdirAll(path[:i], 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
