package exchangetest

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// baresip is a real telephone: somebody else's SIP, RTP and sound.
type baresip struct {
	t      *testing.T
	dir    string
	number string
	conn   net.Conn
	answer chan baresipMessage

	mu     sync.Mutex
	events []baresipMessage
	seen   int           // events already waited for
	more   chan struct{} // closed and replaced with every event
	out    bytes.Buffer
}

type baresipMessage struct {
	Event    bool   `json:"event"`
	Response bool   `json:"response"`
	Type     string `json:"type"`
	Param    string `json:"param"`
	PeerURI  string `json:"peeruri"`
	OK       bool   `json:"ok"`
	Data     string `json:"data"`
}

type baresipOptions struct {
	number, secret string
	tone           int    // Hz; what it says all the time
	server         string // host:port
	transport      string // "udp", "tcp"
	manual         bool   // does not answer by itself
	lamp           bool   // subscribes to its mailbox
	codecs         string // as baresip names them, best first; "": PCMA,PCMU
}

// startBaresip starts a phone and waits until it is registered. Now and then a baresip 1.0
// that has just registered subscribes to its mailbox without end, before it has heard any
// answer; such a phone is switched off and on again.
func startBaresip(t *testing.T, o baresipOptions) *baresip {
	t.Helper()
	for range 10 {
		if b := tryBaresip(t, o); b != nil {
			return b
		}
	}
	t.Fatalf("baresip %s does not come to rest", o.number)
	return nil
}

func tryBaresip(t *testing.T, o baresipOptions) *baresip {
	t.Helper()
	b := &baresip{t: t, dir: t.TempDir(), number: o.number, answer: make(chan baresipMessage, 1), more: make(chan struct{})}
	control := freePort(t)
	config := fmt.Sprintf(`poll_method epoll
net_interface 127.0.0.1
sip_listen 127.0.0.1:0
audio_player aubridge,sink%[4]s
audio_source aufile,%[1]s
ausrc_srate 8000
auplay_srate 8000
audio_channels 1
ausrc_channels 1
auplay_channels 1
rtp_timeout 0
snd_path %[2]s
audio_buffer 20-160
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
module_app mwi.so
ctrl_tcp_listen 127.0.0.1:%[3]d
`, filepath.Join(b.dir, "says.wav"), b.dir, control, o.number)
	b.says(o.tone)
	answer := "auto"
	if o.manual {
		answer = "manual"
	}
	mwi := "no"
	if o.lamp {
		mwi = "yes"
	}
	if o.transport == "" {
		o.transport = "udp"
	}
	account := fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=%s;regint=60;answermode=%s;mwi=%s;audio_codecs=%s\n",
		o.number, o.server, o.transport, o.number, o.secret, answer, mwi, cmp.Or(o.codecs, "PCMA,PCMU"))
	for name, text := range map[string]string{"config": config, "accounts": account, "contacts": ""} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("baresip", "-f", b.dir)
	cmd.Dir = b.dir
	cmd.Stdout, cmd.Stderr = lockedWriter{b}, lockedWriter{b}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start baresip (make test installs it): %v", err)
	}
	off := sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(func() {
		off()
		if t.Failed() {
			b.mu.Lock()
			t.Logf("baresip %s:\n%s\nevents: %+v", b.number, b.out.String(), b.events)
			b.mu.Unlock()
		}
	})
	eventually(t, "baresip's control port", func() bool {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(control)))
		b.conn = conn
		return err == nil || b.mad()
	})
	if b.conn != nil {
		t.Cleanup(func() { b.conn.Close() })
		go b.read()
	}
	eventually(t, "baresip "+o.number+" to register", func() bool {
		return b.mad() || b.prints("200 OK") && (!o.lamp || b.prints("Messages-Waiting"))
	})
	if b.mad() {
		off()
		return nil
	}
	return b
}

// says makes the file that the phone speaks: two minutes of a tone.
func (b *baresip) says(hz int) {
	b.t.Helper()
	pcm := make([]int16, 120*8000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*float64(hz)*float64(i)/8000))
	}
	f, err := os.Create(filepath.Join(b.dir, "says.wav"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if err := media.WriteWAV(f, media.NewClip(8000, pcm)); err != nil {
		b.t.Fatal(err)
	}
}

// prints tells whether the phone has printed something.
func (b *baresip) prints(what string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.out.String(), what)
}

// lampOn tells whether the phone was last told that messages wait.
func (b *baresip) lampOn() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.out.String()
	return strings.LastIndex(out, "Messages-Waiting: yes") > strings.LastIndex(out, "Messages-Waiting: no")
}

// mad tells whether the phone subscribes without end.
func (b *baresip) mad() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.out.String(), "subscribing to messages") > 5
}

type lockedWriter struct{ b *baresip }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if w.b.out.Len() > 1<<20 {
		return len(p), nil
	}
	return w.b.out.Write(p)
}

// read takes netstrings of JSON off the control connection.
func (b *baresip) read() {
	r := bufio.NewReader(b.conn)
	for {
		length, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
		if err != nil {
			return
		}
		body := make([]byte, n+1) // and the comma
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		var m baresipMessage
		if err := json.Unmarshal(body[:n], &m); err != nil {
			continue
		}
		if m.Response {
			b.answer <- m
			continue
		}
		b.mu.Lock()
		b.events = append(b.events, m)
		close(b.more)
		b.more = make(chan struct{})
		b.mu.Unlock()
	}
}

// do gives the phone a command and returns what it says.
func (b *baresip) do(command, params string) string {
	b.t.Helper()
	body, err := json.Marshal(map[string]string{"command": command, "params": params, "token": "t"})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.conn, "%d:%s,", len(body), body); err != nil {
		b.t.Fatalf("baresip %s: %v", b.number, err)
	}
	select {
	case m := <-b.answer:
		return m.Data
	case <-time.After(patience):
		b.t.Fatalf("baresip %s does not answer to %s", b.number, command)
		return ""
	}
}

// awaits waits for the phone's next event of a kind, "CALL_ESTABLISHED" for example.
func (b *baresip) awaits(kind string) baresipMessage {
	b.t.Helper()
	limit := time.After(patience)
	for {
		b.mu.Lock()
		for b.seen < len(b.events) {
			m := b.events[b.seen]
			b.seen++
			if m.Type == kind {
				b.mu.Unlock()
				return m
			}
		}
		more := b.more
		b.mu.Unlock()
		select {
		case <-more:
		case <-limit:
			b.t.Fatalf("baresip %s saw no %s", b.number, kind)
		}
	}
}

// press sends keys to the call (RFC 4733), one after another.
func (b *baresip) press(keys string) {
	b.t.Helper()
	for _, k := range keys {
		b.do("sndcode", string(k))
	}
}

// heard is everything the phone has heard in its calls so far, the present one included.
func (b *baresip) heard() *media.Clip {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
	if err != nil {
		b.t.Fatal(err)
	}
	var pcm []int16
	for _, name := range files {
		wav, err := os.ReadFile(name)
		if err != nil {
			b.t.Fatal(err)
		}
		// The header has no length before the call is over: take what follows it.
		head, data, ok := bytes.Cut(wav, []byte("data"))
		if !ok || len(head) < 28 {
			continue // it has only just been made
		}
		channels, rate := int(binary.LittleEndian.Uint16(head[22:])), int(binary.LittleEndian.Uint32(head[24:])) // those of its codec
		var call []int16
		for i := 4; i+1 < len(data); i += 2 * channels {
			call = append(call, int16(binary.LittleEndian.Uint16(data[i:])))
		}
		pcm = append(pcm, codec.Resample(call, rate, 8000)...)
	}
	return media.NewClip(8000, pcm)
}

// hears waits until the phone has heard a tone, for half a second on end, since it had heard from samples.
func (b *baresip) hears(hz, from int) {
	b.t.Helper()
	const window = 4000 // half a second
	eventually(b.t, fmt.Sprintf("%s to hear %d Hz", b.number, hz), func() bool {
		pcm := b.heard().PCM()
		for at := from; at+window <= len(pcm); at += window / 2 {
			if dominant(pcm[at:at+window]) == hz {
				return true
			}
		}
		return false
	})
}

// listened is how many samples the phone has heard so far.
func (b *baresip) listened() int { return len(b.heard().PCM()) }

// dominant is which of the tests' tones makes up most of 8 kHz sound; 0: none does.
func dominant(pcm []int16) int {
	for _, hz := range []int{300, 440, 620, 770, 1330} {
		k := 2 * math.Cos(2*math.Pi*float64(hz)/8000)
		var s1, s2, energy float64
		for _, v := range pcm {
			s1, s2 = float64(v)+k*s1-s2, s1
			energy += float64(v) * float64(v)
		}
		// A pure tone of n samples has n/2 times its energy at its frequency.
		if s1*s1+s2*s2-k*s1*s2 > energy*float64(len(pcm))/3 && energy > float64(len(pcm))*1e4 {
			return hz
		}
	}
	return 0
}
