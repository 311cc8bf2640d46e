-- What lines may call, by their permissions: Eve may call mobiles, Cay inside only.

-- For each permission: a number that needs it, and what a line without it hears.
local ladder = {
  { "local",         "202020",       "+441865202020", "belfry/not-authorised-external" },
  { "local",         "123",          "123",           "belfry/not-authorised-external" },
  { "national",      "02079460018",  "+442079460018", "belfry/not-authorised-national" },
  { "national",      "03069990123",  "+443069990123", "belfry/not-authorised-national" },
  { "mobile",        "07700900123",  "+447700900123", "belfry/not-authorised-mobile" },
  { "international", "0012025550123", "+12025550123", "belfry/not-authorised-international" },
  { "premium",       "09098790123",  "+449098790123", "belfry/not-authorised-premium" },
}
local steps = { internal = 0, ["local"] = 1, national = 2, mobile = 3, international = 4, premium = 5 }

for permission, step in pairs(steps) do
  test("a line with \"" .. permission .. "\" may call all that is no dearer, and is told what it may not", function(t)
    t:line("77501"):setPermissions(permission)
    for _, number in ipairs(ladder) do
      local needed, dialled, sent, refused = number[1], number[2], number[3], number[4]
      local ada = t:phone("77501"):calls(dialled)
      if steps[needed] <= step then
        t:outside(sent):isRinging()
        ada:hangsUp()
      else
        ada:hears(refused):hasEnded()
      end
    end
  end)
end

test("a line without any permission may call emergency numbers", function(t)
  t:outside("999"):answersAfter("1s")
  t:phone("77512"):calls("999"):isTalkingTo("999")
end)

test("callers from outside may not call out", function(t)
  t:call { from = "+447700900123", to = "01865202020" }:isRejected()
end)
