package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// preamble chooses festival's voice, and teaches its American lexicon words of
// this list that it spells out or says otherwise than a British speaker.
const preamble = `(voice_cmu_us_slt_arctic_hts)
(lex.add.entry '("dialled" nil (((d ay) 1) ((ax l d) 0))))
(lex.add.entry '("recognised" nil (((r eh) 1) ((k ax g) 0) ((n ay z d) 0))))
(lex.add.entry '("schedule" nil (((sh eh) 1) ((d y uw l) 0))))
(lex.add.entry '("zed" nil (((z eh d) 1))))
(lex.add.entry '("z" nil (((z eh d) 1))))
(define (say text file)
  (utt.save.wave (utt.synth (eval (list 'Utterance 'Text text))) file 'riff))
`

// speak returns each sentence as spoken, at rate, untrimmed.
func speak(ctx context.Context, sentences []string, command string) (map[string][]float64, error) {
	dir, err := os.MkdirTemp("", "prompts")
	if err != nil {
		return nil, fmt.Errorf("making a scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	files := map[string]string{}
	var order []string
	for _, s := range sentences {
		if files[s] == "" {
			files[s] = filepath.Join(dir, fmt.Sprintf("%d.wav", len(order)))
			order = append(order, s)
		}
	}
	if command == "" {
		err = festival(ctx, order, files, filepath.Join(dir, "say.scm"))
	} else {
		err = each(ctx, order, files, strings.Fields(command))
	}
	if err != nil {
		return nil, err
	}
	spoken := make(map[string][]float64, len(order))
	for _, s := range order {
		pcm, err := readWAV(files[s])
		if err != nil {
			return nil, fmt.Errorf("reading what was spoken for %q: %w", s, err)
		}
		spoken[s] = pcm
	}
	return spoken, nil
}

// festival speaks everything in one process. Each utterance begins from the
// same state, so a sound does not depend on what was spoken before it.
func festival(ctx context.Context, order []string, files map[string]string, script string) error {
	var b strings.Builder
	b.WriteString(preamble)
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for _, s := range order {
		fmt.Fprintf(&b, "(say \"%s\" \"%s\")\n", quote.Replace(s), quote.Replace(files[s]))
	}
	if err := os.WriteFile(script, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("writing the script for festival: %w", err)
	}
	out, err := exec.CommandContext(ctx, "festival", "--batch", script).CombinedOutput()
	if err != nil {
		return fmt.Errorf("running festival: %w: %s", err, out)
	}
	return nil
}

// each runs the command once a sentence.
func each(ctx context.Context, order []string, files map[string]string, command []string) error {
	for _, s := range order {
		args := make([]string, len(command))
		for i, a := range command {
			args[i] = strings.NewReplacer("{text}", s, "{wav}", files[s]).Replace(a)
		}
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("speaking %q: %w: %s", s, err, out)
		}
	}
	return nil
}

// readWAV reads 16-bit mono PCM, which is what synthesisers write, and brings
// it to rate and full scale 1. Some write a data length of nonsense when they
// stream: then the sound goes on to the end of the file.
func readWAV(path string) ([]float64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, errors.New("not a WAV file")
	}
	from := 0
	for b = b[12:]; len(b) >= 8; {
		kind, size := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		size = min(size, len(b))
		switch {
		case kind == "fmt " && size >= 16:
			format, channels, bits := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint16(b[14:])
			if format != 1 || channels != 1 || bits != 16 {
				return nil, fmt.Errorf("format %d, %d channels, %d bits: want 16-bit mono PCM", format, channels, bits)
			}
			from = int(binary.LittleEndian.Uint32(b[4:]))
		case kind == "data" && from > 0:
			pcm := make([]int16, size/2)
			for i := range pcm {
				pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
			}
			return toFloat(codec.Resample(pcm, from, rate)), nil
		}
		b = b[min(size+size%2, len(b)):]
	}
	return nil, errors.New("a WAV file without sound")
}
