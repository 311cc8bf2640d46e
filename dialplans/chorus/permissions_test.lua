-- Which line may call what. Permissions are a ladder: whoever has one has those below it.

local ladder = { "none", "internal", "local", "national", "mobile", "international", "premium" }

-- One number of each class: the permission it needs, and what a line without it hears.
local classes = {
  { class = "in town",               number = "240000",        sent = "+441865240000", needs = "local",         words = "belfry/not-authorised-external" },
  { class = "a short code",          number = "101",           sent = "101",           needs = "local",         words = "belfry/not-authorised-external" },
  { class = "national",              number = "02079460018",   sent = "+442079460018", needs = "national",      words = "belfry/not-authorised-national" },
  { class = "freephone",             number = "08001111",      sent = "+448001111",    needs = "national",      words = "belfry/not-authorised-national" },
  { class = "a mobile",              number = "07700900123",   sent = "+447700900123", needs = "mobile",        words = "belfry/not-authorised-mobile" },
  { class = "abroad",                number = "0033142685300", sent = "+33142685300",  needs = "international", words = "belfry/not-authorised-international" },
  { class = "premium rate",          number = "09061234567",   sent = "+449061234567", needs = "premium",       words = "belfry/not-authorised-premium" },
  { class = "directory enquiries",   number = "118500",        sent = "118500",        needs = "premium",       words = "belfry/not-authorised-premium" },
  { class = "a personal number",     number = "07012345678",   sent = "+447012345678", needs = "premium",       words = "belfry/not-authorised-premium" },
  { class = "a satellite telephone", number = "+881612345678", sent = "+881612345678", needs = "premium",       words = "belfry/not-authorised-premium" },
}

for _, one in ipairs(classes) do
  local allowed = false
  for _, permission in ipairs(ladder) do
    allowed = allowed or permission == one.needs
    if allowed then
      test(permission .. ": " .. one.class .. " may be called", function(t)
        t:line("77514"):setPermissions(permission)
        t:outside(one.sent):answersAfter("1s")

        t:phone("77514"):calls(one.number):isTalkingTo(one.sent)
      end)
    else
      test(permission .. ": " .. one.class .. " may not be called, and why is said", function(t)
        t:line("77514"):setPermissions(permission)

        t:phone("77514"):calls(one.number):hears(one.words):isRejected("forbidden")

        t:outside(one.sent):isNotRinging()
      end)
    end
  end
end

test("every step but none may call extensions, groups and conferences", function(t)
  for i = 2, #ladder do
    t:line("77514"):setPermissions(ladder[i])
    t:phone("77514"):calls("77513"):hearsRinging():hangsUp()
    t:phone("77514"):calls("15000"):hearsRinging():hangsUp()
    t:phone("77514"):calls("89000"):hears("belfry/room-welcome"):hangsUp()
  end
end)

for number, what in pairs { ["77513"] = "an extension", ["15000"] = "a group", ["89000"] = "the conferences" } do
  test("none: " .. what .. " may not be called", function(t)
    t:line("77514"):setPermissions("none")

    t:phone("77514"):calls(number):isRejected("forbidden")
  end)
end

test("a mobile in full needs the same permission", function(t)
  t:phone("77514"):calls("+447700900123"):hears("belfry/not-authorised-mobile"):isRejected("forbidden")
end)

-- Nobody gets by way of others where they may not call.

test("a transfer to where Ben may not call does not happen: he talks on", function(t)
  t:phone("77514"):answersAfter("1s")
  local ada = t:phone("77513"):calls("77514"):isTalkingTo("77514")

  t:phone("77514"):transfersTo("07700900123")

  t:outside("+447700900123"):isNotRinging()
  ada:isTalkingTo("77514")
end)

test("a transfer to where Ben may call does", function(t)
  t:phone("77514"):answersAfter("1s")
  t:outside("+442079460018"):answersAfter("1s")
  local ada = t:phone("77513"):calls("77514"):isTalkingTo("77514")

  t:phone("77514"):transfersTo("02079460018")

  ada:isTalkingTo("+442079460018")
end)

test("somebody outside is transferred to an extension", function(t)
  t:phone("77514"):answersAfter("1s")
  t:phone("15902"):answersAfter("1s")
  local joe = t:call { from = "+447700900123", to = "01865277514" }:isTalkingTo("77514")

  t:phone("77514"):transfersTo("15902")

  joe:isTalkingTo("15902")
end)

test("somebody outside cannot transfer one of us abroad", function(t)
  t:phone("77514"):answersAfter("1s")
  local joe = t:call { from = "+447700900123", to = "01865277514" }:isTalkingTo("77514")

  joe:transfersTo("0033142685300")

  t:outside("+33142685300"):isNotRinging()
end)
