package stdlib_test

import (
	"testing"
)

func TestAnExtensionRings(t *testing.T) {
	l := chorus(t)
	run(t, l, `lines["77514"].outcome = "answered"`)
	happens(t, dial(t, l, "77513", "77514"), "bridge 77514: answered")
	for _, form := range []string{"277514", "01865277514", "+441865277514", "00441865277514", "441865277514"} {
		happens(t, dial(t, l, "77513", form), "redirect 77514", "bridge 77514: answered")
		happens(t, dial(t, l, "+447700900123", form), "redirect 77514", "bridge 77514: answered")
	}
}

func TestNobodyTakesTheCall(t *testing.T) {
	l := chorus(t)
	happens(t, dial(t, l, "77513", "77514"), "bridge 77514: noAnswer", "voicemail 77514", "play vm-goodbye", "hangup")
	run(t, l, `lines["77514"].busy = true`)
	happens(t, dial(t, l, "77513", "77514"), "voicemail 77514 busy", "play vm-goodbye", "hangup")
	run(t, l, `lines["77514"].word = "callWaiting"`)
	happens(t, dial(t, l, "77513", "77514"), "bridge 77514: noAnswer", "voicemail 77514", "play vm-goodbye", "hangup")
	run(t, l, `lines["77514"].dnd = true`)
	happens(t, dial(t, l, "77513", "77514"), "voicemail 77514", "play vm-goodbye", "hangup")
	happens(t, dial(t, l, "77513", "77620"), "bridge 77620: noAnswer", "reject unavailable")
	run(t, l, `lines["77620"].outcome = "busy"`)
	happens(t, dial(t, l, "77513", "77620"), "bridge 77620: busy", "reject busy")
	happens(t, dial(t, l, "77513", "77999"), "tone unobtainable", "reject notFound")
	happens(t, dial(t, l, "77513", "31234"), "tone unobtainable", "reject notFound")
	happens(t, dial(t, l, "+447700900123", "0186531234"), "404")
}

func TestForwards(t *testing.T) {
	l := chorus(t)
	run(t, l, `lines["77514"].forward.always = "15902"; lines["15902"].outcome = "answered"`)
	happens(t, dial(t, l, "77513", "77514"), "bridge 15902 diverted by 77514 unconditional: answered")

	run(t, l, `lines["77514"].forward = { noAnswer = "07700900123" }; outside["trunk:pstn/+447700900123"] = "answered"`)
	happens(t, dial(t, l, "77513", "77514"), "bridge 77514: noAnswer",
		"bridge trunk:pstn/+447700900123 as +441865277513 diverted by +441865277514 no-answer: answered")
	happens(t, dial(t, l, "+33142685300", "77514"), "bridge 77514: noAnswer",
		"bridge trunk:pstn/+447700900123 diverted by +441865277514 no-answer: answered")

	run(t, l, `lines["77514"].may = "national"`) // whose forward it is decides, not who calls
	happens(t, dial(t, l, "77513", "77514"), "bridge 77514: noAnswer", "log not forwarded: the line may not call there 77514 ",
		"voicemail 77514", "play vm-goodbye", "hangup")
}

func TestForwardsDoNotRunInACircle(t *testing.T) {
	l := chorus(t)
	run(t, l, `lines["77513"].forward.always = "77514"; lines["77514"].forward.busy = "01865277513"; lines["77514"].busy = true`)
	happens(t, dial(t, l, "15902", "77513"), "voicemail 77513 busy", "play vm-goodbye", "hangup")
	run(t, l, `lines["77514"].forward = { unregistered = "15902" }; lines["77514"].registered = false; lines["15902"].outcome = "rejected"`)
	happens(t, dial(t, l, "77601", "77513"), "bridge 15902 diverted by 77514 unavailable: rejected", "voicemail 77513", "play vm-goodbye", "hangup")
}

func TestCallsOut(t *testing.T) {
	l := chorus(t)
	run(t, l, `outside["trunk:pstn/+447700900123"] = "answered"; outside["trunk:pstn/+441865240000"] = "busy"; outside["trunk:pstn/101"] = "congested"`)
	happens(t, dial(t, l, "15902", "07700900123"), "bridge trunk:pstn/+447700900123 as +441865615902: answered")
	for _, form := range []string{"+447700900123", "00447700900123", "447700900123", "+4407700900123"} {
		happens(t, dial(t, l, "15902", form), "redirect 07700900123", "bridge trunk:pstn/+447700900123 as +441865615902: answered")
		happens(t, dial(t, l, "+442079460018", form), "404")
		happens(t, dial(t, l, "77620", form), "redirect 07700900123", "needs mobile")
	}
	happens(t, dial(t, l, "15902", "240000"), "bridge trunk:pstn/+441865240000 as +441865615902: busy", "reject busy")
	happens(t, dial(t, l, "15902", "101"), "bridge trunk:pstn/101 as +441865615902: congested", "tone congestion", "reject congested")
	happens(t, dial(t, l, "77620", "07700900123"), "needs mobile")
	happens(t, dial(t, l, "15902", "09061234567"), "needs premium")
	happens(t, dial(t, l, "15902", "0770090012"), "tone unobtainable", "reject notFound")
	happens(t, dial(t, l, "15902", "+3312"), "tone unobtainable", "reject notFound")
	happens(t, dial(t, l, "+447700900123", "07700900124"), "404") // nobody calls through us
}

func TestEmergencyCalls(t *testing.T) {
	l := chorus(t)
	run(t, l, `lines["77620"].may = "none"; outside["trunk:pstn/999"] = "answered"`)
	happens(t, dial(t, l, "77620", "999"), "log emergency call  begins", "bridge trunk:pstn/999 as +441865277620: answered", "log emergency call over  answered")
	happens(t, dial(t, l, "77620", "112"),
		"log emergency call  begins",
		"bridge trunk:pstn/112 as +441865277620: noAnswer", "log emergency call not connected  pstn: noAnswer", "play belfry/emergency-trying-again",
		"bridge trunk:pstn/112 as +441865277620: noAnswer", "log emergency call not connected  pstn: noAnswer", "play belfry/emergency-trying-again",
		"bridge trunk:pstn/112 as +441865277620: noAnswer", "log emergency call not connected  pstn: noAnswer", "play belfry/emergency-failed",
		"reject congested", "log emergency call over  noAnswer")
	run(t, l, `lines["77513"].forward.always = "999"`)
	happens(t, dial(t, l, "15902", "77513"), "log not forwarded: the line may not call there 77513 ", "bridge 77513: noAnswer",
		"voicemail 77513", "play vm-goodbye", "hangup")
}

func TestHuntGroup(t *testing.T) {
	l := chorus(t)
	run(t, l, `groups["15000"].strategy = "sequential"; lines["77611"].busy = true; lines["77612"].outcome = "answered"`)
	happens(t, dial(t, l, "77513", "15000"), "bridge 77610 named Help desk: L77513: noAnswer", "bridge 77612 named Help desk: L77513: answered")

	run(t, l, `lines["77612"].outcome = nil`)
	happens(t, dial(t, l, "77513", "15000"), "bridge 77610 named Help desk: L77513: noAnswer", "bridge 77612 named Help desk: L77513: noAnswer",
		"play belfry/no-answer", "voicemail 15000", "play vm-goodbye", "hangup")

	run(t, l, `groups["15000"].mailbox = nil; lines["77610"].busy = true; lines["77612"].busy = true`)
	happens(t, dial(t, l, "77513", "15000"), "reject busy")
	run(t, l, `for _, n in ipairs { "77610", "77611", "77612" } do lines[n].registered = false end`)
	happens(t, dial(t, l, "77513", "15000"), "play belfry/group-nobody", "hangup")
	run(t, l, `for _, n in ipairs { "77610", "77611", "77612" } do groups["15000"].out[n] = true end ; lines["77610"].registered = true`)
	happens(t, dial(t, l, "77513", "15000"), "redirect 77610", "voicemail 77610 busy", "play vm-goodbye", "hangup")
	happens(t, dial(t, l, "77513", "15100"), "bridge 77620 named Porters: L77513: noAnswer", "redirect 15000", "redirect 77610", "voicemail 77610 busy", "play vm-goodbye", "hangup")
}

func TestAGroupOverflowsToTheWorld(t *testing.T) {
	l := chorus(t)
	run(t, l, `groups["15000"].overflowLoggedOut = "07700900123"; outside["trunk:pstn/+447700900123"] = "answered"
		for _, n in ipairs { "77610", "77611", "77612" } do groups["15000"].out[n] = true end`)
	happens(t, dial(t, l, "+442079460018", "01865615000"), "redirect 15000",
		"bridge trunk:pstn/+447700900123 diverted by +441865615000 unconditional: answered")
}

// first is who of the help desk is rung first.
func first(t *testing.T, strategy string, calls int) []string {
	l := chorus(t)
	run(t, l, `groups["15000"].strategy = "`+strategy+`"; for _, n in ipairs { "77610", "77611", "77612" } do lines[n].outcome = "answered" end`)
	var rung []string
	for range calls {
		rung = append(rung, dial(t, l, "77513", "15000")[len("bridge "):][:5])
	}
	return rung
}

func TestTurnsGoRound(t *testing.T) {
	for _, strategy := range []string{"circular", "longestIdle"} {
		got := first(t, strategy, 5)
		for i, want := range []string{"77610", "77611", "77612", "77610", "77611"} {
			if got[i] != want {
				t.Errorf("%s: call %d rings %s first, not %s", strategy, i+1, got[i], want)
			}
		}
	}
}

func TestChanceReachesEverybody(t *testing.T) {
	for _, strategy := range []string{"random", "weighted"} {
		seen := map[string]int{}
		for _, n := range first(t, strategy, 200) {
			seen[n]++
		}
		for _, n := range []string{"77610", "77611", "77612"} {
			if seen[n] < 30 {
				t.Errorf("%s: %s was first %d times in 200", strategy, n, seen[n])
			}
		}
	}
}

func TestAllAtOnce(t *testing.T) {
	l := chorus(t)
	run(t, l, `groups["15000"].strategy = "simultaneous"; lines["77612"].outcome = "answered"`)
	happens(t, dial(t, l, "+447700900123", "01865615000"), "redirect 15000", "bridge 77610,77611,77612 named Help desk: +447700900123: answered")
}

func TestAnAssistantTakesAManagersCalls(t *testing.T) {
	l := chorus(t)
	run(t, l, `lines["77601"].outcome = "answered"; lines["77600"].outcome = "answered"; lines["77600"].name = "Dana"`)
	toAssistant := "bridge 77601,77602 sequential named For Dana: L77513 diverted by 77600 unconditional: answered"
	happens(t, dial(t, l, "77513", "77600"), toAssistant)
	happens(t, dial(t, l, "77602", "77600"), "bridge 77600: answered") // an assistant always goes through

	happens(t, dial(t, l, "77601", "*87", "77513"), "ask belfry/list-enter-number", "list whitelist-77600 +77513", "play belfry/list-added", "hangup")
	happens(t, dial(t, l, "77513", "77600"), "bridge 77600: answered")
	happens(t, dial(t, l, "77601", "*8801865277513"), "list whitelist-77600 -77513", "play belfry/list-removed", "hangup")
	happens(t, dial(t, l, "77513", "77600"), toAssistant)

	happens(t, dial(t, l, "77600", "*85"), "play belfry/assistant-filter-off", "hangup")
	happens(t, dial(t, l, "77513", "77600"), "bridge 77600: answered")
	happens(t, dial(t, l, "77602", "*8477600"), "play belfry/assistant-filter-on-for+digits/7+digits/7+digits/6+digits/0+digits/0", "hangup")
	happens(t, dial(t, l, "77513", "77600"), toAssistant)
	happens(t, dial(t, l, "77513", "*85"), "play belfry/assistant-none", "reject forbidden")
}

func TestTheWhitelistKnowsCallersFromOutside(t *testing.T) {
	l := chorus(t)
	run(t, l, `lines["77600"].outcome = "answered"; lines["77601"].outcome = "answered"
		list("whitelist-77600"):add("+447700900123"); list("whitelist-77600"):add("02079460018"); list("whitelist-77600"):add("internal")`)
	happens(t, dial(t, l, "+447700900123", "77600"), "bridge 77600: answered")
	happens(t, dial(t, l, "07700900123", "77600"), "bridge 77600: answered")
	happens(t, dial(t, l, "+442079460018", "77600"), "bridge 77600: answered")
	happens(t, dial(t, l, "77513", "77600"), "bridge 77600: answered")
	// Who presents one of our numbers from outside is not one of us.
	happens(t, dial(t, l, "01865277513", "77600"), "bridge 77601,77602 sequential named For L77600: 01865277513 diverted by 77600 unconditional: answered")
	happens(t, dial(t, l, "", "77600"), "bridge 77601,77602 sequential named For L77600:  diverted by 77600 unconditional: answered")
}

func TestNoAssistantThere(t *testing.T) {
	l := chorus(t)
	run(t, l, `lines["77601"].dnd = true; lines["77602"].registered = false`)
	happens(t, dial(t, l, "77513", "77600"), "voicemail 77600", "play vm-goodbye", "hangup")
	run(t, l, `require("assistants")["77600"].whenAbsent = "manager"`)
	happens(t, dial(t, l, "77513", "77600"), "bridge 77600: noAnswer", "voicemail 77600", "play vm-goodbye", "hangup")
	run(t, l, `require("assistants")["77600"].whenAbsent = "77514"`)
	happens(t, dial(t, l, "77513", "77600"), "redirect 77514", "bridge 77514: noAnswer", "voicemail 77514", "play vm-goodbye", "hangup")
}

func TestAnAssistantCallsOnBehalf(t *testing.T) {
	l := chorus(t)
	run(t, l, `outside["trunk:pstn/+447700900123"] = "answered"; lines["77600"].name = "Dana"; lines["77601"].may = "internal"`)
	happens(t, dial(t, l, "77601", "*8607700900123"), "bridge trunk:pstn/+447700900123 as +441865277600 named Dana: answered")
	run(t, l, `lines["77513"].outcome = "answered"`)
	happens(t, dial(t, l, "77601", "*86", "77513"), "ask belfry/enter-number", "bridge 77513 as 77600 named Dana: answered")
	happens(t, dial(t, l, "77601", "*8609061234567"), "play belfry/not-authorised-premium", "reject forbidden")
}

func TestFeatureCodes(t *testing.T) {
	l := chorus(t)
	to := func(words string) string { return "play " + words + "+digits/7+digits/7+digits/5+digits/1+digits/4" }
	happens(t, dial(t, l, "77513", "*72277514"), "forward 77513 always 77514", to("belfry/forwarding-on-to"), "hangup")
	happens(t, dial(t, l, "77513", "*73"), "forward 77513 always nil", "play belfry/forwarding-off", "hangup")
	happens(t, dial(t, l, "77513", "*72"), "forward 77513 always 77514", to("belfry/forwarding-on-to"), "hangup")
	happens(t, dial(t, l, "77513", "*90", "77514"), "ask belfry/forwarding-enter-number", "forward 77513 busy 77514", to("belfry/forwarding-busy-to"), "hangup")
	happens(t, dial(t, l, "77513", "*7277513"), "play belfry/forwarding-to-itself", "hangup")
	for _, forbidden := range []string{"09061234567", "999", "12", "*97"} {
		happens(t, dial(t, l, "77513", "*72"+forbidden), "play belfry/forwarding-not-allowed", "hangup")
	}
	happens(t, dial(t, l, "77513", "*78"), "dnd 77513 true", "play belfry/dnd-on", "hangup")
	happens(t, dial(t, l, "77513", "*79"), "dnd 77513 false", "play belfry/dnd-off", "hangup")
	happens(t, dial(t, l, "77610", "*4515000"), "out 15000 77610", "play belfry/group-logged-out+digits/1+digits/5+digits/0+digits/0+digits/0", "hangup")
	happens(t, dial(t, l, "77610", "*45", "15000"), "ask belfry/group-enter", "in 15000 77610", "play belfry/group-logged-in+digits/1+digits/5+digits/0+digits/0+digits/0", "hangup")
	happens(t, dial(t, l, "77513", "*43"), "play belfry/echo-start", "echo", "play belfry/echo-end", "hangup")
	happens(t, dial(t, l, "+447700900123", "*97"), "404")

	happens(t, dial(t, l, "77513", "*69"), "play belfry/last-caller-none", "hangup")
	run(t, l, `lines["77513"].log = { { kind = "dialled", number = "15902" }, { kind = "missed", number = "77514" }, { kind = "received", number = "101" } }`)
	lastWas := "ask belfry/last-caller-was+digits/7+digits/7+digits/5+digits/1+digits/4+belfry/press-one-to-call-back"
	happens(t, dial(t, l, "77513", "*69", "1"), lastWas, "redirect 77514", "bridge 77514: noAnswer", "voicemail 77514", "play vm-goodbye", "hangup")
	happens(t, dial(t, l, "77513", "*69", "", "", ""), lastWas, lastWas, lastWas, "play vm-goodbye", "hangup")
}

func TestTheSpeakingClock(t *testing.T) {
	l := chorus(t) // it is eleven o'clock, and stays so
	stroke := []string{"play belfry/clock-stroke+digits/11+digits/a-m+digits/and+digits/10+seconds", "play tone:beep", "play tone:beep", "play tone:beep"}
	var want []string
	for range 6 {
		want = append(want, stroke...)
	}
	happens(t, dial(t, l, "77513", "*60"), append(want, "hangup")...)
}

func TestTheTestNumberIsForCallersFromOutside(t *testing.T) {
	l := chorus(t)
	happens(t, dial(t, l, "999123", "01865610888"), "redirect 10888",
		"play demo-congrats+belfry/caller-number-is+digits/9+digits/9+digits/9+silence:200ms+digits/1+digits/2+digits/3", "hangup")
	happens(t, dial(t, l, "", "01865610888"), "redirect 10888", "play demo-congrats+belfry/caller-number-is+belfry/number-withheld", "hangup")
	happens(t, dial(t, l, "77513", "10888"), "tone unobtainable", "reject notFound")
}

func TestRooms(t *testing.T) {
	l := chorus(t)
	happens(t, dial(t, l, "77513", "89000", "111111", "246810", "1", "2", "3", "4", "#"),
		"ask belfry/room-welcome+belfry/room-enter-pin", "ask belfry/room-pin-wrong+belfry/room-enter-pin",
		"record belfry/room-record-name", "play belfry/room-joining", "conference faculty",
		"muted true", "play belfry/room-muted", "play belfry/room-hand-raised", "room hears <what was said>+belfry/room-hand-notice",
		"play belfry/room-one-participant", "leave", "play vm-goodbye", "hangup")
	happens(t, dial(t, l, "+447700900123", "01865289000", "975310", "2", "4", "5", "3", "9"),
		"redirect 89000", "ask belfry/room-welcome+belfry/room-enter-pin",
		"record belfry/room-record-name", "play belfry/room-joining-moderator", "conference faculty moderator endWithMe",
		"muteAll true", "play belfry/room-all-muted", "lock true", "play belfry/room-locked-now", "kickLast", "play belfry/room-kicked-last",
		"play belfry/room-one-participant",
		"play digits/0+digits/7+digits/7+digits/0+digits/0+silence:200ms+digits/9+digits/0+digits/0+silence:200ms+digits/1+digits/2+digits/3",
		"play silence:300ms+digits/7+digits/7+digits/5+digits/1+digits/4",
		"room hears belfry/room-ending", "close", "play belfry/room-ended", "hangup")
	happens(t, dial(t, l, "77513", "89000", "1", "", "3"),
		"ask belfry/room-welcome+belfry/room-enter-pin", "ask belfry/room-pin-wrong+belfry/room-enter-pin",
		"ask belfry/room-pin-wrong+belfry/room-enter-pin", "play belfry/room-pin-wrong+belfry/too-many-tries", "hangup")
}
