package stdlib_test

import "testing"

const (
	mainMenu = "ask vm-onefor+vm-INBOX+vm-messages+vm-opts+vm-helpexit"
	nothing  = "play belfry/no-messages"
	bye      = "play vm-goodbye"
	askPIN   = "ask belfry/enter-pin-hash"
)

func TestTheOwnerLogsIn(t *testing.T) {
	l := chorus(t)
	happens(t, dial(t, l, "77513", "*97", "274951", "#"), askPIN, nothing, mainMenu, bye, "hangup")
	happens(t, dial(t, l, "77513", "*97", "274950", "274951", "#"), askPIN, "play belfry/pin-wrong", askPIN, nothing, mainMenu, bye, "hangup")
	happens(t, dial(t, l, "77513", "*97", "1", "", "3"), askPIN, "play belfry/pin-wrong", askPIN, "play belfry/pin-wrong", askPIN,
		"play belfry/pin-wrong", "play belfry/too-many-tries", "hangup")
	run(t, l, `boxes["77513"].locked = true`)
	happens(t, dial(t, l, "77513", "*97", "274951"), askPIN, "play belfry/mailbox-locked", "hangup")
	run(t, l, `boxes["77513"].locked = false; boxes["77513"].notReady = true`)
	happens(t, dial(t, l, "77513", "*97", "274951", "274951", "274951"), askPIN, "play belfry/pin-not-valid",
		askPIN, "play belfry/pin-not-valid", askPIN, "play belfry/pin-not-valid", "play belfry/too-many-tries", "hangup")
}

func TestFromAnotherPhoneTheNumberComesFirst(t *testing.T) {
	l := chorus(t)
	askNumber := "ask belfry/enter-mailbox-hash"
	happens(t, dial(t, l, "77620", "*97", "77513", "274951", "#"), askNumber, askPIN, nothing, mainMenu, bye, "hangup")
	happens(t, dial(t, l, "77514", "*98", "77513", "274951", "#"), askNumber, askPIN, nothing, mainMenu, bye, "hangup")
	// A mailbox that does not exist sounds like a wrong PIN.
	happens(t, dial(t, l, "77514", "*98", "70000", "274951", "1", "2"), askNumber, askPIN, "play belfry/pin-log-in-wrong",
		askPIN, "play belfry/pin-log-in-wrong", askPIN, "play belfry/pin-log-in-wrong", "play belfry/too-many-tries", "hangup")
}

func TestTheFirstLogIn(t *testing.T) {
	l := chorus(t)
	run(t, l, `boxes["77513"].default = true; boxes["77513"].greetings = { temporary = recording("away") }`)
	happens(t, dial(t, l, "77513", "*97", "274951", "12345", "12345", "000000", "000000", "294857", "294858", "2", "1", "#"), askPIN,
		"play belfry/pin-default-change",
		"ask belfry/pin-new", "ask belfry/pin-again", "play belfry/pin-six-digits",
		"ask belfry/pin-new", "ask belfry/pin-again", "play belfry/pin-trivial",
		"ask belfry/pin-new", "ask belfry/pin-again", "play belfry/pin-mismatch",
		"play belfry/first-log-in", "record belfry/record-name", "ask belfry/name-menu", "ask <what was said>+belfry/name-menu",
		"greeting name what was said", "play belfry/name-saved", "play belfry/greeting-temporary-on", nothing, mainMenu, bye, "hangup")
	run(t, l, `boxes["77513"].greetings = { name = recording("me") }`)
	happens(t, dial(t, l, "77513", "*97", "274951", "294857", "294857", "#"), askPIN, "play belfry/pin-default-change",
		"ask belfry/pin-new", "ask belfry/pin-again", "pin 294857", "play belfry/pin-active-later", nothing, mainMenu, bye, "hangup")
}

func mailboxWithTwo(t *testing.T) func(keys ...string) string {
	t.Helper()
	l := chorus(t)
	run(t, l, `boxes["77513"].new = { message("77514"), message("+447700900123", { urgent = true, interrupted = true }) }
		boxes["77513"].saved = { message("") }`)
	return func(keys ...string) string {
		return dial(t, l, "77513", "*97", append([]string{"274951"}, keys...)...)
	}
}

const (
	counts  = "play vm-youhave+digits/2+vm-INBOX+vm-messages+vm-and+digits/1+belfry/saved-message"
	today   = "+vm-received+digits/today+digits/at+digits/10+digits/a-m"
	fromBen = "belfry/message-from+<name of 77514>+digits/7+digits/7+digits/5+digits/1+digits/4" + today
	first1  = "play belfry/first-message+" + fromBen
	mobile  = "digits/0+digits/7+digits/7+digits/0+digits/0+silence:200ms+digits/9+digits/0+digits/0+silence:200ms+digits/1+digits/2+digits/3"
	last2   = "play belfry/last-message+belfry/urgent-message+belfry/message-from+" + mobile + today
	menu    = "ask belfry/message-menu"
)

func TestListening(t *testing.T) {
	read := mailboxWithTwo(t)
	happens(t, read("1", "6", "6", "4", "4", "#"), askPIN, counts, mainMenu,
		first1, "markHeard m77514", "play <message of 77514>", menu,
		last2, "markHeard m+447700900123", "play <message of +447700900123>", "play belfry/message-cut-short", menu,
		"play belfry/no-later-message", menu,
		first1, "markHeard m77514", "play <message of 77514>", menu,
		"play belfry/no-earlier-message", menu, bye, "hangup")
}

func TestDeletingAndRestoringAndSaving(t *testing.T) {
	read := mailboxWithTwo(t)
	happens(t, read("7", "1", "!7", "7", "9", "*", "#"), askPIN, counts, mainMenu, nothing, mainMenu,
		first1, "markHeard m77514", "play <message of 77514>", // 7 while it plays
		"delete m77514", "play belfry/message-deleted", "ask belfry/message-menu-deleted",
		"undelete m77514", "play belfry/message-restored", menu,
		"save m77514", "play belfry/message-saved", menu,
		"play belfry/playing-help", menu, bye, "hangup")
}

// What was deleted can be had back until the owner leaves, by whatever door. Who does not know the PIN empties nothing.
func TestLeavingEmptiesTheBin(t *testing.T) {
	l := chorus(t)
	bin := func() string {
		run(t, l, `left = #boxes["77513"].deleted`)
		return l.GetGlobal("left").String()
	}
	for _, keys := range [][]string{{"274951", "#"}, {"274951"}} { // the last hangs up
		run(t, l, `boxes["77513"].deleted = { message("77514") }`)
		dial(t, l, "77513", "*97", "1", "2", "3")
		if bin() != "1" {
			t.Error("a caller without the PIN has emptied the bin")
		}
		if dial(t, l, "77513", "*97", keys...); bin() != "0" {
			t.Errorf("after %q there is something in the bin", keys)
		}
	}
}

func TestFolders(t *testing.T) {
	read := mailboxWithTwo(t)
	folders := "ask vm-changeto+vm-press+digits/1+vm-for+vm-INBOX+vm-messages+vm-press+digits/2+vm-for+belfry/saved-messages+vm-press+digits/3+vm-for+belfry/deleted-messages"
	happens(t, read("2", "2", "1", "2", "3", "1", "#"), askPIN, counts, mainMenu, folders, "play vm-youhave+digits/1+belfry/saved-message", mainMenu,
		"play belfry/first-message+vm-unknown-caller"+today, "markHeard m", "play <message of >", menu,
		folders, "play vm-youhave+vm-no+belfry/deleted-messages", mainMenu, nothing, mainMenu, bye, "hangup")
}

func TestReplyCallBackAndForward(t *testing.T) {
	read := mailboxWithTwo(t)
	heard := []string{askPIN, counts, mainMenu, first1, "markHeard m77514", "play <message of 77514>", menu}
	with := func(more ...string) []string { return append(append([]string{}, heard...), more...) }
	reply := "ask belfry/message-menu-reply"
	happens(t, read("1", "3", "1", "#"), with(reply, "voicemail 77514", menu, bye, "hangup")...)
	happens(t, read("1", "3", "3", "#"), with(reply, "play "+fromBen, menu, bye, "hangup")...)
	happens(t, read("1", "3", "2"), with(reply, "play belfry/calling-sender", "redirect 77514", "bridge 77514: noAnswer", "voicemail 77514", bye, "hangup")...)
	happens(t, read("1", "8", "15902", "1", "1", "#"), with("ask belfry/forward-to", "ask belfry/forward-introduction", "record belfry/forward-record",
		"ask belfry/recording-menu", "forward m77514 15902 with introduction", "play belfry/forward-sent", menu, bye, "hangup")...)
	happens(t, read("1", "8", "77620", "8", "15902", "2", "#"), with("ask belfry/forward-to", "play belfry/forward-impossible", menu,
		"ask belfry/forward-to", "ask belfry/forward-introduction", "forward m77514 15902 plain", "play belfry/forward-sent", menu, bye, "hangup")...)
}

func TestMailboxOptions(t *testing.T) {
	read := mailboxWithTwo(t)
	options, greeting := "ask belfry/greetings-menu", "ask belfry/greeting-menu"
	happens(t, read("0", "1", "1", "2", "3", "1", "3", "*", "*", "#"), askPIN, counts, mainMenu, options, greeting, "ask belfry/greeting-none+belfry/greeting-menu",
		"record belfry/greeting-record", "ask belfry/recording-menu", "record belfry/greeting-record", "ask belfry/recording-menu",
		"greeting unavailable what was said", "play belfry/greeting-saved", greeting, "greeting unavailable erased", "play belfry/greeting-erased",
		greeting, options, mainMenu, bye, "hangup")
}

func TestSilenceEndsTheMenu(t *testing.T) {
	read := mailboxWithTwo(t)
	happens(t, read("", "", ""), askPIN, counts, mainMenu, "play belfry/no-choice", mainMenu, "play belfry/no-choice", mainMenu, bye, "hangup")
}
