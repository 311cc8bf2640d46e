package wire

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// message builds a request or response from lines, and a body after an empty one.
func text(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// options is an OPTIONS request whose header lines can be replaced by name,
// taken away ("Name:" with no value) and added to.
func options(change ...string) string {
	lines := []string{
		"OPTIONS sip:user@example.com SIP/2.0",
		"Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw",
		"Max-Forwards: 70",
		"From: <sip:caller@example.net>;tag=323",
		"To: sip:user@example.com",
		"Call-ID: case.asdf@192.0.2.10",
		"CSeq: 59 OPTIONS",
		"Content-Length: 0",
	}
	for _, c := range change {
		name, value, _ := strings.Cut(c, ":")
		replaced := false
		for i, l := range lines {
			if n, _, _ := strings.Cut(l, ":"); i > 0 && n == name {
				lines[i], replaced = c, true
				if value == "" {
					lines = append(lines[:i], lines[i+1:]...)
				}
				break
			}
		}
		switch {
		case strings.HasSuffix(strings.TrimRight(c, " "), "SIP/2.0"):
			lines[0] = c
		case !replaced:
			lines = append(lines, strings.TrimPrefix(c, "+"))
		}
	}
	return text(lines...)
}

// The messages of RFC 4475 that a receiver must take (§3.1.1, §3.3), and what
// must come out of them.
func TestTortureValid(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string // lines
	}{
		"wsinv, a short tortuous INVITE": {
			text("INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0",
				"TO :", " sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n",
				`from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>`, "  ;", "  tag = 98asjd8",
				"MaX-fOrWaRdS: 0068", "Call-ID: wsinv.ndaksdj@192.0.2.1", "Content-Length   : 2",
				"cseq: 0009", "  INVITE", "Via  : SIP  /   2.0", " /UDP", "    192.0.2.2;branch=390skdjuw", "s :",
				"NewFangledHeader:   newfangled value", " continued newfangled value",
				"UnknownHeaderWithUnusualValue: ;;,,;;,;", "Content-Type: application/sdp", "Route:",
				" <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
				"v:  SIP  / 2.0  / TCP     spindle.example.com   ;", "  branch  =   z9hG4bK9ikj8  ,",
				" SIP  /    2.0   / UDP  192.168.255.111   ; branch=", " z9hG4bK30239",
				`m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =`, "      newvalue ;", "  secondparam ; q = 0.33") + "ab",
			[]string{"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0",
				"To: sip:vivekg@chair-dnrc.example.com;tag=1918181833n", `From: "J Rosenberg \\\"" <sip:jdrosen@example.com>;tag=98asjd8`,
				"Max-Forwards: 0068", "CSeq: 0009 INVITE", "Via: SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
				"Via: SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8", "Via: SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
				"NewFangledHeader: newfangled value continued newfangled value", "UnknownHeaderWithUnusualValue: ;;,,;;,;", "Subject: ",
				"Route: <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
				`Contact: "Quoted string \"\"" <sip:jdrosen@example.com>;newparam=newvalue;secondparam;q=0.33`},
		},
		"intmeth, wide range of characters": {
			text("!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
				"Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
				`To: "BEL:\a NUL:\0 DEL:\d" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>`,
				`From: token1~`+"` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"\u0440\u0430\u0431\u043e\";tag=_token~1'+`*%!-.",
				"Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~",
				"Max-Forwards: 255", "extensionHeader-!.%*+_`'~:\u3000\u5927", "Content-Length: 0"),
			[]string{"Max-Forwards: 255"},
		},
		"esc01, escapes": {options("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", "To: sip:%75se%72@example.com", "CSeq: 29344 INVITE",
			"From: <sip:I%20have%20spaces@example.net>;tag=938"),
			[]string{"INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", "To: sip:%75se%72@example.com", "From: <sip:I%20have%20spaces@example.net>;tag=938"}},
		"escnull": {options("REGISTER sip:example.com SIP/2.0", "CSeq: 14398234 REGISTER", "To: sip:null-%00-null@example.com", "Contact: <sip:%00@host5.example.com>"),
			[]string{"Contact: <sip:%00@host5.example.com>"}},
		"esc02, % in tokens": {options("RE%47IST%45R sip:registrar.example.com SIP/2.0", "CSeq: 234902 RE%47IST%45R", `To: "%Z%45" <sip:resource@example.com>`),
			[]string{"RE%47IST%45R sip:registrar.example.com SIP/2.0", `To: "%Z%45" <sip:resource@example.com>`}},
		"lwsdisp, no blank before <": {options("From: caller<sip:caller@example.com>;tag=323"), []string{"From: caller <sip:caller@example.com>;tag=323"}},
		"longreq": {options(`To: "I have a user name of `+strings.Repeat("extreme", 30)+`" <sip:user@example.com:6000;unknownparam1=very`+strings.Repeat("long", 40)+"value>",
			"Call-ID: longreq.one"+strings.Repeat("really", 40)+"longcallid", "Unknown-"+strings.Repeat("Long", 40)+"-Name: x",
			"Via: SIP/2.0/TCP sip33.example.com, SIP/2.0/TCP sip32.example.com;received=x,SIP/2.0/TCP sip31.example.com"),
			[]string{"Via: SIP/2.0/TCP sip33.example.com", "Via: SIP/2.0/TCP sip32.example.com;received=x", "Via: SIP/2.0/TCP sip31.example.com", "Unknown-" + strings.Repeat("Long", 40) + "-Name: x"}},
		"dblreq, more after the message": {options() + options(), []string{"CSeq: 59 OPTIONS"}},
		"semiuri":                        {options("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"), []string{"OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"}},
		"transports": {options("Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw", "+Via: SIP/2.0/SCTP t2.example.com;branch=z9", "+Via: SIP/2.0/UNKNOWN t5.example.com;branch=z9"),
			[]string{"Via: SIP/2.0/UNKNOWN t5.example.com;branch=z9"}},
		"unreason": {text("SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923",
			"Call-ID: unreason.1234ksdfak3j2erwedfsASdf", "CSeq: 35 INVITE", "From: sip:user@example.com;tag=11141343", "To: sip:user@example.edu;tag=2229"),
			[]string{"SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e"}},
		"noreason": {text("SIP/2.0 100 ", "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe", "Call-ID: noreason.asndj203insdf99223ndf",
			"CSeq: 35 INVITE", "From: <sip:user@example.com>;tag=39ansfi3", "To: <sip:user@example.edu>;tag=902jndnke3", "Content-Length: 0"),
			[]string{"SIP/2.0 100 "}},
		"noreason, without the blank": {text("SIP/2.0 200", "Via: SIP/2.0/UDP 192.0.2.105;branch=z9", "Call-ID: a", "CSeq: 35 INVITE", "From: <sip:user@example.com>", "To: <sip:user@example.edu>"),
			[]string{"SIP/2.0 200 "}},
		"badbranch":                     {options("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"), []string{"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"}},
		"unkscm":                        {options("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"), []string{"OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"}},
		"unksm2":                        {options("To: isbn:2983792873", "From: <http://www.example.com>;tag=3234233"), []string{"To: isbn:2983792873"}},
		"bext01":                        {options("Require: nothingSupportsThis, nothingSupportsThisEither"), []string{"Require: nothingSupportsThis, nothingSupportsThisEither"}},
		"zeromf":                        {options("Max-Forwards: 0"), []string{"Max-Forwards: 0"}},
		"no Max-Forwards":               {options("Max-Forwards:"), nil},
		"cparam01":                      {options("Contact: sip:+19725552222@gw1.example.net;unknownparam"), []string{"Contact: sip:+19725552222@gw1.example.net;unknownparam"}},
		"cparam02":                      {options("Contact: <sip:+19725552222@gw1.example.net;unknownparam>"), []string{"Contact: <sip:+19725552222@gw1.example.net;unknownparam>"}},
		"regescrt":                      {options("Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"), []string{"Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"}},
		"escruri, headers in the URI":   {options("OPTIONS sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0"), nil},
		"trws, blanks after the line":   {options("OPTIONS sip:user@example.com SIP/2.0  "), []string{"OPTIONS sip:user@example.com SIP/2.0"}},
		"badaspec, blanks within <>":    {options(`To: "Watson, Thomas" < sip:t.watson@example.org >`), []string{`To: "Watson, Thomas" <sip:t.watson@example.org>`}},
		"baddn, a comma without quotes": {options("From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43"), []string{"From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43"}},
		"baddate":                       {options("Date: Fri, 01 Jan 2010 16:00:00 EST"), []string{"Date: Fri, 01 Jan 2010 16:00:00 EST"}},
		"bcast": {text("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23",
			"Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf", "CSeq: 35 INVITE", "From: sip:user@example.com;tag=11141343", "To: sip:user@example.edu;tag=2229"), nil},

		// Not of RFC 4475, but seen.
		"LF only":          {strings.ReplaceAll(options(), "\r\n", "\n"), []string{"CSeq: 59 OPTIONS"}},
		"leading CRLF":     {"\r\n\r\n" + options(), []string{"CSeq: 59 OPTIONS"}},
		"no empty line":    {strings.TrimSuffix(options("Content-Length:"), "\r\n"), []string{"CSeq: 59 OPTIONS"}},
		"blanks in CSeq":   {options("CSeq: 59 \t  OPTIONS"), []string{"CSeq: 59 OPTIONS"}},
		"parameter names":  {options("From: <sip:a@example.net;LR;Transport=TCP>;TAG=aBc", "Via: SIP/2.0/UDP h;RPORT;Branch=z9hG4bKX"), []string{"From: <sip:a@example.net;lr;transport=TCP>;tag=aBc", "Via: SIP/2.0/UDP h;rport;branch=z9hG4bKX"}},
		"comment in Via":   {options("Via: SIP/2.0/UDP 192.0.2.1 (a (nested, \\) one), comment);branch=z9"), []string{"Via: SIP/2.0/UDP 192.0.2.1;branch=z9"}},
		"blanks in Via":    {options("Via: SIP / 2.0 / UDP  first.example.com : 4000 ; ttl = 16"), []string{"Via: SIP/2.0/UDP first.example.com:4000;ttl=16"}},
		"IPv6 in Via":      {options("Via: SIP/2.0/UDP [2001:db8::9:1]:5060;received=2001:db8::9:255"), []string{"Via: SIP/2.0/UDP [2001:db8::9:1]:5060;received=2001:db8::9:255"}},
		"empty parameters": {options("Via: SIP/2.0/UDP h;;branch=z9; ;"), []string{"Via: SIP/2.0/UDP h;branch=z9"}},
		"quoted parameter": {options(`Contact: <sip:a@b>;+Sip.Description="My; phone = A",<sip:c@d>`), []string{`Contact: <sip:a@b>;+sip.description="My; phone = A"`, "Contact: <sip:c@d>"}},
		"compact forms": {options("k: 100rel", "x: 90 ; Refresher = uac", "s: Hi", "o: dialog;Id=7", "r: Bob <sip:bob@b?Replaces=x%3Bto-tag%3D1>", "b: <sip:c@d>", "e: gzip", "u: presence"),
			[]string{"Supported: 100rel", "Session-Expires: 90;refresher=uac", "Subject: Hi", "Event: dialog;id=7", "Refer-To: <sip:bob@b?Replaces=x%3Bto-tag%3D1>", "Referred-By: <sip:c@d>", "Content-Encoding: gzip", "Allow-Events: presence"}},
		"register *":         {options("Contact: *"), []string{"Contact: *"}},
		"empty Content-Type": {options("Content-Type: "), nil},
		"empty list items":   {options("Contact: ,<sip:a@b>, ,"), []string{"Contact: <sip:a@b>"}},
	} {
		m := parseDatagram([]byte(strings.TrimLeft(c.in, "\r\n")), new(buffers))
		if m.fault != nil {
			t.Errorf("%s: refused: %+v", name, *m.fault)
			continue
		}
		out := string(m.appendTo(nil))
		for _, line := range c.want {
			if !strings.Contains("\r\n"+out, "\r\n"+line+"\r\n") {
				t.Errorf("%s: no line %q in\n%s", name, line, out)
			}
		}
		if _, err := sip.ParseMessage([]byte(out)); err != nil {
			t.Errorf("%s: sipgo refuses what we made of it: %v\n%s", name, err, out)
		}
	}
}

// The messages of RFC 4475 that must be refused (§3.1.2, §3.3), and others.
func TestTortureInvalid(t *testing.T) {
	response := func(lines ...string) string { return text(append([]string{"SIP/2.0 200 OK"}, lines...)...) }
	for name, c := range map[string]struct {
		in   string
		want string // the answer's status line, or the reason it is dropped for
	}{
		"badinv01, extraneous separators":  {options("Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), "400 Malformed Via"},
		"badinv01, empty <>":               {options(`Contact: "Joe" <> ;,"`), "400 Malformed Contact"},
		"clerr, Content-Length too large":  {options("Content-Length: 9999"), "400 Content-Length Exceeds Body"},
		"ncl, negative Content-Length":     {options("Content-Length: -999"), "400 Malformed Content-Length"},
		"scalar02, CSeq":                   {options("CSeq: 36893488147419103232 OPTIONS"), "400 Malformed CSeq"},
		"scalar02, Max-Forwards":           {options("Max-Forwards: 300"), "400 Malformed Max-Forwards"},
		"scalarlg":                         {response("Via: SIP/2.0/TCP h;branch=z9", "CSeq: 9292394834772304023312 OPTIONS", "Call-ID: a", "From: <sip:a@b>;tag=1", "To: <sip:a@b>"), CountResponse},
		"quotbal, open quotes":             {options(`To: "Mr. J. User <sip:j.user@example.com>`), "400 Malformed To"},
		"ltgtruri, <> around the URI":      {options("OPTIONS <sip:user@example.com> SIP/2.0"), "400 Malformed Request-URI"},
		"lwsruri, a blank in the URI":      {options("OPTIONS sip:user@example.com; lr SIP/2.0"), "400 Malformed Request-URI"},
		"lwsstart, several blanks":         {options("OPTIONS  sip:user@example.com  SIP/2.0"), "400 Malformed Request-URI"},
		"regbadct, ? without <>":           {options("Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"), "400 Malformed Contact"},
		"badvers":                          {strings.Replace(options(), "com SIP/2.0\r\n", "com SIP/7.0\r\n", 1), "505 Version Not Supported"},
		"mismatch01, CSeq method":          {options("CSeq: 8 INVITE"), "400 CSeq Method Mismatch"},
		"mismatch02, unknown method":       {options("NEWMETHOD sip:user@example.com SIP/2.0", "CSeq: 8 INVITE"), "400 CSeq Method Mismatch"},
		"bigcode":                          {text("SIP/2.0 4294967301 better not break the receiver", "Via: SIP/2.0/UDP h"), CountResponse},
		"insuf, no From":                   {options("From:"), "400 Missing From"},
		"insuf, no To":                     {options("To:"), "400 Missing To"},
		"insuf, no Call-ID":                {options("Call-ID:"), "400 Missing Call-ID"},
		"insuf, no CSeq":                   {options("CSeq:"), "400 Missing CSeq"},
		"no Via to answer to":              {options("Via:"), CountRequest},
		"inv2543, no From tag":             {options("From: <sip:a@b>"), "400 Missing From Tag"},
		"empty From tag":                   {options("From: <sip:a@b>;tag="), "400 Missing From Tag"},
		"tag within the URI":               {options("From: <sip:a@b;tag=1>"), "400 Missing From Tag"},
		"multi01":                          {options("+To: sip:other@example.com"), "400 Repeated To"},
		"two From, one compact":            {options("+f: <sip:a@b>;tag=1"), "400 Repeated From"},
		"two Call-ID":                      {options("+i: other"), "400 Repeated Call-ID"},
		"two CSeq":                         {options("+CSeq: 60 OPTIONS"), "400 Repeated CSeq"},
		"two Max-Forwards":                 {options("+Max-Forwards: 7"), "400 Repeated Max-Forwards"},
		"mcl01":                            {options("+l: 0"), "400 Repeated Content-Length"},
		"blank in Call-ID":                 {options("Call-ID: a b"), "400 Malformed Call-ID"},
		"no colon":                         {options("+Nonsense"), "400 Malformed Header Line"},
		"control character":                {options("Subject: a\x00b"), "400 Malformed Header Line"},
		"bare CR":                          {options("Subject: a\rVia: x"), "400 Malformed Header Line"},
		"name with a blank":                {options("Sub ject: a"), "400 Malformed Header Line"},
		"Via of HTTP":                      {options("+Via: HTTP/1.1 proxy"), "400 Malformed Via"},
		"IPv6 in Via without []":           {options("+Via: SIP/2.0/UDP 2001:db8::9:1"), "400 Malformed Via"},
		"Via port":                         {options("+Via: SIP/2.0/UDP h:99999"), "400 Malformed Via"},
		"open comment":                     {options("+Via: SIP/2.0/UDP h (comment"), "400 Malformed Via"},
		"port of the Request-URI":          {options("OPTIONS sip:user@example.com:99999 SIP/2.0"), "400 Malformed Request-URI"},
		"novelsc, which sipgo cannot read": {options("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"), "400 Malformed Request-URI"},
		"escaped control character":        {options("To: \"BEL:\\\a\" <sip:a@b>"), "400 Malformed Header Line"}, // RFC 4475 §3.1.1.2 allows it; logs and terminals do not
		"Request-URI *":                    {options("OPTIONS * SIP/2.0"), "400 Malformed Request-URI"},
		"To *":                             {options("To: *"), "400 Malformed To"},
		"; before <":                       {options("To: a;b <sip:a@b>"), "400 Malformed To"},
		"text after >":                     {options("To: <sip:a@b> x"), "400 Malformed To"},
		"name without <":                   {options(`To: "a"`), "400 Malformed To"},
		"257 headers":                      {options("Z: " + strings.Repeat("y\r\nZ: ", 257) + "y"), "400 Too Many Header Fields"},
		"257 in one header":                {options("Contact: " + strings.Repeat("<sip:a@b>,", 257)), "400 Too Many Header Fields"},
		"33 Vias":                          {options("+Via: " + strings.Repeat("SIP/2.0/UDP h,", 32)), "400 Too Many Via"},
		"malformed ACK":                    {options("ACK sip:user@example.com SIP/2.0"), CountRequest},
		"response without To":              {response("Via: SIP/2.0/UDP h", "From: <sip:a@b>;tag=1", "Call-ID: a", "CSeq: 1 INVITE"), CountResponse},
		"response with too little":         {response("Via: SIP/2.0/UDP h", "From: <sip:a@b>;tag=1", "To: <sip:a@b>", "Call-ID: a", "CSeq: 1 INVITE", "l: 5"), CountResponse},
		"status 99":                        {text("SIP/2.0 099 x"), CountResponse},
		"HTTP":                             {text("GET / HTTP/1.1", "Host: x"), CountJunk},
		"binary":                           {"\x00\x01\x00\x00!\x12\xa4B", CountJunk},
		"one word":                         {"hello", CountJunk},
	} {
		m := parseDatagram([]byte(c.in), new(buffers))
		if m.fault == nil {
			t.Errorf("%s: accepted as\n%s", name, m.appendTo(nil))
			continue
		}
		got := m.fault.count
		if r := m.reply(netip.MustParseAddrPort("192.0.2.7:1024")); r != nil {
			got, _, _ = strings.Cut(strings.TrimPrefix(string(r), "SIP/2.0 "), "\r\n")
			if _, err := sip.ParseMessage(r); err != nil && !strings.Contains(name, "insuf") {
				t.Errorf("%s: sipgo cannot read our answer: %v\n%s", name, err, r)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAnswerOfAMalformedRequest(t *testing.T) {
	m := parseDatagram([]byte(options("Max-Forwards: 256", "Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKa;received=6.6.6.6", "+Via: SIP/2.0/UDP second", "Subject: x")), new(buffers))
	source := netip.MustParseAddrPort("192.0.2.7:1024")
	r := string(m.reply(source))
	head, tag, _ := strings.Cut(r, "To: sip:user@example.com;tag=")
	want := text("SIP/2.0 400 Malformed Max-Forwards", "Via: SIP/2.0/UDP 10.0.0.1;rport=1024;branch=z9hG4bKa;received=192.0.2.7", "From: <sip:caller@example.net>;tag=323",
		"To: sip:user@example.com;tag=TAG", "Call-ID: case.asdf@192.0.2.10", "CSeq: 59 OPTIONS", "Via: SIP/2.0/UDP second", "Content-Length: 0")
	tag, rest, _ := strings.Cut(tag, "\r\n")
	if got := head + "To: sip:user@example.com;tag=TAG\r\n" + rest; got != want || len(tag) < 8 {
		t.Errorf("got\n%s", r)
	}
	if again := string(m.reply(source)); again != r {
		t.Errorf("a copy of the request gets another answer:\n%s", again)
	}
}

// Nothing a stranger sends makes us panic or hand sipgo what it cannot read, and
// the work stays in proportion.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte(options("Contact: \"a\\\"b\" <sip:a@b;X=y>;Q=1, *", "v: SIP/2.0/UDP [::1]:5 (c);Branch = \"x\"", "r: <sip:x?y=z>")))
	f.Add([]byte(strings.ReplaceAll(options("CSeq: 1  OPTIONS", "Route: <sip:a>,<sip:b;LR>;x"), "\r\n", "\n")))
	f.Add([]byte("SIP/2.0 200\nv:SIP/2.0/TCP h\nf:<sip:a>\nt:\"q\"<tel:1>\ni:1\nCSeq:1 A\n\nbody"))
	f.Add([]byte("INVITE sip:a SIP/2.0\r\nVia: SIP\r\n /2.0/UDP\r\n\th\r\nFrom: sip:b;tag=1\r\nTo: a <sip:c>;x=\"1;2\"\r\ni: x\r\nCSeq: 1 INVITE\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > MaxMessage {
			return
		}
		m := parseDatagram(data, new(buffers))
		if m.fault != nil {
			if r := m.reply(netip.MustParseAddrPort("192.0.2.7:1024")); len(r) > maxReply {
				t.Fatalf("an answer of %d octets", len(r))
			}
			return
		}
		out := m.appendTo(nil)
		if len(out) > 16*len(data)+64 {
			t.Fatalf("%d octets became %d", len(data), len(out))
		}
		msg, err := sip.ParseMessage(out)
		if err != nil {
			t.Fatalf("sipgo refuses: %v\n%q", err, out)
		}
		if len(msg.Body()) != len(m.body) {
			t.Fatalf("sipgo sees a body of %d octets, not %d\n%q", len(msg.Body()), len(m.body), out)
		}
		if v := msg.Via(); v == nil || v.Host == "" || v.Transport == "" {
			t.Fatalf("sipgo sees no Via\n%q", out)
		}
		if m.request && !msg.From().Params.Has("tag") {
			t.Fatalf("sipgo sees no From tag\n%q", out)
		}
		if again := parseDatagram(out, new(buffers)); again.fault != nil || string(again.appendTo(nil)) != string(out) {
			t.Fatalf("plain form is not plain: %+v\n%q\n%q", again.fault, out, again.appendTo(nil))
		}
	})
}

func BenchmarkDatagram(b *testing.B) {
	body := strings.Repeat("a=rtpmap:0 PCMU/8000\r\n", 15)
	in := []byte(options("INVITE sip:77501@example.org SIP/2.0", "CSeq: 1 INVITE", "Contact: <sip:1@192.0.2.7:5060;transport=udp>;+sip.instance=\"<urn:uuid:1>\"",
		"Allow: INVITE, ACK, CANCEL, BYE", "Supported: replaces, 100rel, timer", "User-Agent: Some Telephone 1.2", "Content-Type: application/sdp",
		fmt.Sprintf("Content-Length: %d", len(body))) + body)
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		m := parseDatagram(in, new(buffers))
		if m.fault != nil {
			b.Fatal(m.fault)
		}
		out = m.appendTo(out[:0])
	}
}
