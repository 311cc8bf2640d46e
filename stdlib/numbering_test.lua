-- What a dialled number means, in any form. Our extensions are 7xxxx (01865 2 7xxxx) and 1xxxx (01865 6 1xxxx).

local numbering = require "numbering"
local numbers = numbering.new { country = "44", area = "01865", blocks = { ["7"] = "2", ["1"] = "6" } }

local function is(got, want) assert(got == want, tostring(got) .. ", not " .. tostring(want)) end

for extension, subscriber in pairs { ["77502"] = "277502", ["15001"] = "615001" } do
  for _, before in ipairs { "", "01865", "+441865", "00441865", "441865", "+4401865", "004401865" } do
    test(before .. subscriber .. " is " .. extension .. ", from inside and from outside", function(t)
      t:phone("77502"):answersAfter("1s")
      t:phone("77505"):calls(before .. subscriber):isTalkingTo("77502"):hangsUp()
      t:wait("1s")
      t:call { from = "+447700900123", to = before .. subscriber }:isTalkingTo("77502")
    end)
  end
end

test("a national number is the same one however it is dialled", function(t)
  for _, form in ipairs { "02079460018", "+442079460018", "00442079460018", "442079460018", "+4402079460018" } do
    local ada = t:phone("77501"):calls(form)
    t:outside("+442079460018"):isRinging()
    ada:hangsUp()
    t:wait("1s")
  end
  t:outside("+441204896210"):answersAfter("1s")
  t:phone("77501"):calls("441204896210"):isTalkingTo("+441204896210")
  t:outside("+44800123456"):answersAfter("1s")
  t:phone("77502"):calls("44800123456"):isTalkingTo("+44800123456")
end)

test("what a number is, in the world's form and at home", function(t)
  for _, one in ipairs {
    -- dialled          class            to a trunk         at home
    { "77502",          "internal",      "+441865277502",  nil },
    { "277502",         "internal",      "+441865277502",  "01865277502" },
    { "15902",          "internal",      "+441865615902",  nil },
    { "01865615902",    "internal",      "+441865615902",  "01865615902" },
    { "202020",         "local",         "+441865202020",  "01865202020" },
    { "01865202020",    "local",         "+441865202020",  "01865202020" },
    { "02079460018",    "national",      "+442079460018",  "02079460018" },
    { "+4402079460018", "national",      "+442079460018",  "02079460018" },
    { "01204896210",    "national",      "+441204896210",  "01204896210" },
    { "012048962",      nil,             "+4412048962",    "012048962" },
    { "07700900123",    "mobile",        "+447700900123",  "07700900123" },
    { "07624123456",    "mobile",        "+447624123456",  "07624123456" },
    { "07012345678",    "premium",       "+447012345678",  "07012345678" },
    { "07612345678",    "premium",       "+447612345678",  "07612345678" },
    { "03069990123",    "nonGeographic", "+443069990123",  "03069990123" },
    { "05612345678",    "nonGeographic", "+445612345678",  "05612345678" },
    { "08001111",       "nonGeographic", "+448001111",     "08001111" },
    { "0800123456",     "nonGeographic", "+44800123456",   "0800123456" },
    { "09098790123",    "premium",       "+449098790123",  "09098790123" },
    { "118500",         "premium",       "118500",         nil },
    { "123",            "short",         "123",            nil },
    { "116123",         "short",         "116123",         nil },
    { "999",            "emergency",     "999",            nil },
    { "112",            "emergency",     "112",            nil },
    { "0012025550123",  "international", "+12025550123",   nil },
    { "+12025550123",   "international", "+12025550123",   nil },
    { "00870123456789", "premium",       "+870123456789",  nil },
    { "+979123456789",  "premium",       "+979123456789",  nil },
    { "00123",          nil,             "+123",           nil },
    { "04123456789",    nil,             "+444123456789",  "04123456789" },
    { "0770090012",     nil,             "+44770090012",   "0770090012" },
    { "077009001234",   nil,             "+4477009001234", "077009001234" },
    { "+0123456789",    nil,             "+0123456789",    nil },
    { "+331234567890123456", nil,        "+331234567890123456", nil },
    { "6612345678",     nil,             "6612345678",     nil },
    { "79999999",       nil,             "79999999",       nil },
    { "*97",            nil,             "*97",            nil },
    { "5",              nil,             "5",              nil },
    { "",               nil,             "",               nil },
  } do
    local dialled, class, sent, home = one[1], one[2], one[3], one[4]
    is(numbers:classify(dialled), class)
    is(numbers:e164(dialled), sent)
    is(numbers:national(dialled), home)
  end
end)

test("an extension as the world knows it, and back", function(t)
  is(numbers:external("15902"), "+441865615902")
  is(numbers:internal("+441865615902"), "15902")
  for _, number in ipairs { "20000", "7750", "775022", "7x502", "", "*97" } do is(numbers:external(number), nil) end
end)

test("what only looks like a number of ours is none", function(t)
  for _, number in ipairs {
    "01865377502", "01866277502", "0277502", "2775021", "27750", "+4418652775022", "00330186527750", "+331865277502", "441865",
    "999", "", "+", "00", "0", "anonymous", "+44186527750x",
  } do is(numbers:internal(number), nil) end
end)

test("a country without a plan is told so", function(t)
  local ok, why = pcall(numbering.new, { country = "999", area = "1", blocks = {} })
  assert(not ok and tostring(why):find("there is no numbering plan for country 999", 1, true))
end)

-- One number for each rule that the plan of the United Kingdom makes in main.lua, and as what it is sent out.
for dialled, sent in pairs {
  ["202020"] = "+441865202020", ["01865202020"] = "+441865202020", ["02079460018"] = "+442079460018", ["01204896210"] = "+441204896210",
  ["07700900123"] = "+447700900123", ["07624123456"] = "+447624123456", ["07012345678"] = "+447012345678", ["03069990123"] = "+443069990123",
  ["05512345678"] = "+445512345678", ["08081570123"] = "+448081570123", ["09098790123"] = "+449098790123", ["118500"] = "118500",
  ["101"] = "101", ["111"] = "111", ["123"] = "123", ["159"] = "159", ["116123"] = "116123", ["0012025550123"] = "+12025550123",
  ["+12025550123"] = "+12025550123", ["00870123456"] = "+870123456", ["+870123456"] = "+870123456", ["00881123456"] = "+881123456",
  ["+881123456"] = "+881123456", ["00979123456"] = "+979123456", ["+979123456"] = "+979123456",
} do
  test(dialled .. " rings out in the world", function(t)
    t:line("77501"):setPermissions("premium")
    t:outside(sent):answersAfter("1s")
    t:phone("77501"):calls(dialled):isTalkingTo(sent)
  end)
end
