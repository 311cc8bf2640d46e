// Command make speaks the prompts of a text list into sound files, draws the
// tones among them and rings the hold music.
//
//	go run ./stdlib/prompts/make                     the shipped set, from en.txt
//	go run ./stdlib/prompts/make -dir DIR -lang cy -music=false -say 'espeak-ng -v cy -w {wav} {text}'
//
// It reads DIR/LANG.txt and writes DIR/LANG/NAME.wav, prints each file it
// changed, and changes nothing where the result is what is there already. The
// shipped set is spoken by festival (Debian: festival, festvox-us-slt-hts).
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	dir := flag.String("dir", "stdlib/prompts", "folder with the text lists")
	lang := flag.String("lang", "en", "language: reads LANG.txt, writes LANG/")
	say := flag.String("say", "", "command that speaks {text} into the file {wav}; none: festival")
	music := flag.Bool("music", true, "make music/bells.wav too")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, *lang, *say, *music); err != nil {
		fmt.Fprintln(os.Stderr, "make:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, lang, command string, music bool) error {
	text, err := os.ReadFile(filepath.Join(dir, lang+".txt"))
	if err != nil {
		return fmt.Errorf("reading the text list: %w", err)
	}
	list, err := parseList(string(text))
	if err != nil {
		return fmt.Errorf("reading %s.txt: %w", lang, err)
	}
	sounds, err := makeSounds(ctx, list, command)
	if err != nil {
		return err
	}
	out := filepath.Join(dir, lang)
	total, seconds := 0, 0.0
	for _, p := range list {
		pcm := sounds[p.Name]
		wav := encodeWAV(pcm)
		total += len(wav)
		seconds += float64(len(pcm)) / rate
		if err := write(filepath.Join(out, filepath.FromSlash(p.Name)+".wav"), wav); err != nil {
			return err
		}
	}
	if err := removeOthers(out, list); err != nil {
		return err
	}
	fmt.Printf("%d prompts, %.0f s, %.1f MB\n", len(list), seconds, float64(total)/1e6)
	if !music {
		return nil
	}
	return write(filepath.Join(dir, "music", "bells.wav"), encodeWAV(bells()))
}

// makeSounds returns the finished sound of every prompt, by name.
func makeSounds(ctx context.Context, list []prompt, command string) (map[string][]int16, error) {
	sounds := make(map[string][]int16, len(list))
	var sentences []string
	for _, p := range list {
		if p.isTone() {
			pcm, ok := tone(p.Name)
			if !ok {
				return nil, fmt.Errorf("prompt %s: no such tone is known", p.Name)
			}
			sounds[p.Name] = pcm
			continue
		}
		sentences = append(sentences, p.sentences()...)
	}
	spoken, err := speak(ctx, sentences, command)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.isTone() {
			continue
		}
		var parts [][]float64
		for _, s := range p.sentences() {
			parts = append(parts, spoken[s])
		}
		pcm, err := finish(parts)
		if err != nil {
			return nil, fmt.Errorf("prompt %s: %w", p.Name, err)
		}
		sounds[p.Name] = pcm
	}
	return sounds, nil
}

// write puts data at path where it differs from what is there, and says so.
func write(path string, data []byte) error {
	old, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(old, data):
		return nil
	case err == nil:
		fmt.Println("changed", path)
	case errors.Is(err, fs.ErrNotExist):
		fmt.Println("added", path)
	default:
		return fmt.Errorf("comparing with the old sound: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making the folder of a sound: %w", err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("writing a sound: %w", err)
	}
	return nil
}

// removeOthers deletes the sounds under out that the list no longer names.
func removeOthers(out string, list []prompt) error {
	listed := map[string]bool{}
	for _, p := range list {
		listed[p.Name] = true
	}
	return filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".wav" {
			return err
		}
		relative, err := filepath.Rel(out, path)
		if err != nil {
			return err
		}
		if listed[strings.TrimSuffix(filepath.ToSlash(relative), ".wav")] {
			return nil
		}
		fmt.Println("removed", path)
		return os.Remove(path)
	})
}
