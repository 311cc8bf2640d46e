package doctor

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// want looks at a finding: how grave it is, and words that must be in it or in what to do.
func want(t *testing.T, got Check, level Level, words ...string) {
	t.Helper()
	if got.Level != level {
		t.Errorf("%s is %s, want %s: %s", got.Name, got.Level, level, got.Finding)
	}
	for _, w := range words {
		if !strings.Contains(got.Finding+"\n"+got.Do, w) {
			t.Errorf("%s does not say %q: %s\n%s", got.Name, w, got.Finding, got.Do)
		}
	}
	if got.Level == Problem && got.Do == "" {
		t.Errorf("%s does not say what to do about: %s", got.Name, got.Finding)
	}
}

func config(t *testing.T) *site.Config {
	t.Helper()
	c, err := site.LoadConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestMachines(t *testing.T) {
	now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.FixedZone("GMT", 0))
	for _, c := range []struct {
		check Check
		level Level
		words []string
	}{
		{files(machine{files: 20000}, 4000), OK, []string{"4875 calls"}},
		{files(machine{files: 1 << 62}, 4000), OK, nil},
		{files(machine{files: 4096}, 4000), Warning, []string{"899 calls", "maxCalls is 4000", "LimitNOFILE=16500"}},
		{files(machine{files: 256}, 4000), Problem, []string{"0 calls"}},
		{files(machine{files: 512}, 3), OK, []string{"3 calls"}},
		{files(machine{}, 4000), OK, []string{"not known"}},
		{buffers(machine{receive: 212992}), OK, nil},
		{buffers(machine{receive: 65536}), Warning, []string{"sysctl -w net.core.rmem_max="}},
		{cores(machine{cores: 4}), OK, []string{"4 cores"}},
		{cores(machine{cores: 4, quota: 1.5}), Warning, []string{"1.5", "cpuset"}},
		{cores(machine{cores: 1, quota: 2}), OK, []string{"1 core"}},
		{clockSource(machine{clockSource: "tsc"}), OK, nil},
		{clockSource(machine{clockSource: "hpet"}), Warning, []string{"hpet", "system call"}},
		{wallClock(machine{}, now), OK, []string{"2026-03-01 14:00:00", "zone GMT"}},
		{wallClock(machine{unsynced: true}, now), Warning, []string{"timedatectl"}},
		{opus([]string{"PCMA"}), OK, []string{"not among"}},
	} {
		want(t, c.check, c.level, c.words...)
	}
}

func TestSIPAddresses(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	x := Exchange{Config: config(t)}

	x.Config.SIP.UDP, x.Config.SIP.TCP = []string{udp.LocalAddr().String()}, []string{tcp.Addr().String()}
	all := x.listening()
	want(t, all[0], Problem, udp.LocalAddr().String(), "another program", "ss -lnp --udp")
	want(t, all[1], Problem, tcp.Addr().String(), "another program", "ss -lnp --tcp")

	x.Config.SIP.UDP, x.Config.SIP.TCP = []string{"192.0.2.77:0"}, nil // a documentation address: nobody has it
	all = x.listening()
	want(t, all[0], Problem, "no such address")
	want(t, all[1], OK, "off")

	x.Config.SIP.UDP, x.Config.SIP.TCP = []string{"0.0.0.0:0"}, []string{"127.0.0.1:0"}
	if all = x.listening(); len(all) != 2 || Worst(all) != OK {
		t.Errorf("listening on every address: %+v", all)
	}
	x.Config.SIP.UDP = []string{"127.0.0.1:0"}
	if all = x.listening(); len(all) != 3 {
		t.Fatalf("listening on loopback: %+v", all)
	}
	want(t, all[2], Warning, "this machine", "0.0.0.0:5060")

	x.Config.SIP.UDP = []string{udp.LocalAddr().String()} // taken, by the exchange itself
	x.Running = &manage.Status{UDP: x.Config.SIP.UDP}
	want(t, x.listening()[0], OK, "ours")
}

func TestPortsForCalls(t *testing.T) {
	x := Exchange{Config: config(t)}
	want(t, x.ports(), OK, "16384-32767", "4096 calls")
	x.Config.RTP.MinPort, x.Config.RTP.MaxPort, x.Config.MaxCalls = 20001, 20201, 100
	want(t, x.ports(), Warning, "50 calls", "maxCalls = 50", `ports = "20001-20400"`)
	x.Config.RTP.MinPort, x.Config.RTP.MaxPort, x.Config.MaxCalls = 40000, 65535, 50000
	want(t, x.ports(), Warning, "maxCalls = 6384")
}

func TestDataFolders(t *testing.T) {
	dir := t.TempDir()
	want(t, Exchange{Data: dir}.data(), OK, dir, "free")
	want(t, Exchange{Data: filepath.Join(dir, "a", "b")}.data(), OK, "will be made")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, Exchange{Data: file}.data(), Problem, "no folder")
	if os.Getuid() != 0 { // whom nothing is closed to
		shut := filepath.Join(dir, "shut")
		if err := os.Mkdir(shut, 0o500); err != nil {
			t.Fatal(err)
		}
		want(t, Exchange{Data: shut}.data(), Problem, "cannot be written")
	}
}

func TestSites(t *testing.T) {
	x := Exchange{Config: config(t)}
	want(t, x.site(), Warning, "--site")
	x.Site = "here"
	want(t, x.site(), OK, "here")
	x.Problems = []diag.Problem{{File: "main.lua", Line: 3, Message: "ends too early"}, {}}
	want(t, x.site(), Problem, "2 problems", "main.lua:3", "belfry check here")

	want(t, x.prompts(), OK, `"en"`)
	x.Config.Language = "tlh"
	want(t, x.prompts(), Problem, "vm-intro", `language = "en"`)

	if all := x.unused(); len(all) != 0 {
		t.Errorf("unused of the default settings: %+v", all)
	}
	x.Config.SIP.TLS = []string{"127.0.0.1:5061"}
	want(t, x.unused()[0], Warning, "sip.tls")
}

func TestMail(t *testing.T) {
	x := Exchange{Config: config(t), Site: t.TempDir()}
	if all := x.mail(); len(all) != 0 {
		t.Errorf("without mail: %+v", all)
	}
	x.Config.Mail.SMTP, x.Config.Mail.TLS = "127.0.0.1:25", "none"
	want(t, x.mail()[0], OK, "by 127.0.0.1:25, in the clear")
	x.Running = &manage.Status{Mail: &manage.MailStatus{Waiting: 1}}
	want(t, x.mail()[0], OK, "1 mail to go")
	x.Running.Mail.Refused = 2
	want(t, x.mail()[0], Warning, "2 refused", "--again")
	since := time.Now()
	x.Running.Mail.Down, x.Running.Mail.Error, x.Running.Mail.Next = &since, "connection refused", &since
	want(t, x.mail()[0], Problem, "connection refused", "nothing is lost")

	if err := os.Mkdir(filepath.Join(x.Site, site.MailFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(x.Site, site.MailFolder, "message.txt"), []byte("{{.Callr}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, x.mail()[1], Problem, "message.txt", "Callr")
	x.Config.Mail.CA = filepath.Join(x.Site, "ca.pem")
	want(t, x.mail()[2], Problem, "ca.pem")
}

func TestDrivers(t *testing.T) {
	all := func(uring string) []media.DriverStatus {
		return []media.DriverStatus{{Name: "io_uring", Available: uring == "", Reason: uring}, {Name: "epoll", Available: true}, {Name: "portable", Available: true}}
	}
	for _, c := range []struct {
		driver, asked, uring string // uring: why it does not work
		level                Level
		words                []string
	}{
		{"io_uring", "auto", "", OK, nil},
		{"epoll", "epoll", "", OK, []string{"as the settings say"}},
		{"epoll", "auto", "operation not permitted", Warning, []string{"operation not permitted", "seccomp"}},
		{"epoll", "", "", Warning, []string{"restart"}}, // it was not there when the exchange started
		{"io_uring", "io_uring", "operation not permitted", Problem, []string{"operation not permitted", `driver = "auto"`}},
		{"carrier pigeon", "carrier pigeon", "", Problem, []string{"none of that name"}},
	} {
		want(t, chosen("media driver", c.driver, c.driver, c.asked, all(c.uring)), c.level, append(c.words, c.driver)...)
	}
	x := Exchange{Config: config(t)}
	x.Config.RTP.Driver = "portable"
	want(t, x.driver(), OK, "portable, as the settings say")
	x.Running = &manage.Status{Driver: "portable"}
	want(t, x.driver(), OK, "portable runs")
}

// Everything at once, on this machine whatever it is like.
func TestExamine(t *testing.T) {
	x := Exchange{Config: config(t), Data: t.TempDir()}
	x.Config.SIP.UDP, x.Config.SIP.TCP = []string{"127.0.0.1:0"}, nil
	seen := map[string]bool{}
	for _, c := range Examine(x) {
		if seen[c.Name] = true; c.Finding == "" || c.Level != OK && c.Level != Warning && c.Level != Problem {
			t.Errorf("%+v", c)
		}
	}
	for _, name := range []string{"exchange", "site", "prompts", "data folder", "SIP over UDP", "SIP over TCP", "RTP ports", "media driver", "Opus",
		"open files", "UDP buffers", "processors", "clock source", "time"} {
		if !seen[name] {
			t.Errorf("nothing is said about %s", name)
		}
	}
	all := Examine(Exchange{Data: t.TempDir(), Site: "here", Problems: []diag.Problem{{File: "settings.lua"}}}) // settings that cannot be read
	for _, c := range all {
		if strings.HasPrefix(c.Name, "SIP") || c.Name == "RTP ports" {
			t.Errorf("%s is judged by settings that nobody wrote: %s", c.Name, c.Finding)
		}
	}
	x.Running = &manage.Status{Name: "Chorus", PID: os.Getpid(), Calls: 1, Started: time.Now()}
	want(t, x.exchange(), OK, "Chorus", "1 call now")
	x.Running.Stopping = true
	want(t, x.exchange(), Warning, "stopping")
}
