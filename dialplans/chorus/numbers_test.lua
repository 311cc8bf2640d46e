-- Our numbers in every form in which people write them, and everybody else's.

local ours = {
  ["77514"] = { "277514", "01865277514", "+441865277514", "+4401865277514", "00441865277514", "004401865277514", "441865277514" },
  ["15902"] = { "615902", "01865615902", "+441865615902", "+4401865615902", "00441865615902", "004401865615902", "441865615902" },
  ["89100"] = { "289100", "01865289100", "+441865289100", "+4401865289100", "00441865289100", "004401865289100", "441865289100" },
}

for extension, forms in pairs(ours) do
  for _, number in ipairs(forms) do
    test(number .. " is " .. extension .. " and stays inside", function(t)
      t:phone(extension):answersAfter("1s")

      t:phone("77513"):calls(number):isTalkingTo(extension)

      t:phone(extension):shows { number = "77513" }
      t:outside(number):isNotRinging()
    end)

    test(number .. " is " .. extension .. " for whoever calls from outside", function(t)
      t:phone(extension):answersAfter("1s")

      t:call { from = "+447700900123", to = number }:isTalkingTo(extension)
    end)
  end

  test(extension .. " is enough for the trunk", function(t)
    t:phone(extension):answersAfter("1s")

    t:call { from = "+447700900123", to = extension }:isTalkingTo(extension)
  end)
end

test("a number of ours in full that nobody has", function(t)
  t:phone("77513"):calls("01865277999"):hears("tone:unobtainable"):isRejected("notFound")
  t:call { from = "+447700900123", to = "01865277999" }:hears("tone:unobtainable"):isRejected("notFound")
end)

test("our number in full needs the permission for inside, and no more", function(t)
  t:phone("77514"):answersAfter("1s")

  t:phone("77621"):calls("01865277514"):isTalkingTo("77514")

  t:line("77621"):setPermissions("none")
  t:phone("77621"):calls("01865277514"):isRejected("forbidden")
end)

-- The rest of the world: what is dialled, and what the trunk gets.

local world = {
  { "240000",           "+441865240000", "in town, without the code" },
  { "01865240000",      "+441865240000", "in town" },
  { "441865240000",     "+441865240000", "in town, in full" },
  { "02079460018",      "+442079460018", "in London" },
  { "+442079460018",    "+442079460018", "in London, in full" },
  { "00442079460018",   "+442079460018", "in London, as from abroad" },
  { "004402079460018",  "+442079460018", "in London, as from abroad, with (0)" },
  { "0169772000",       "+44169772000",  "where numbers are short" },
  { "44169772000",      "+44169772000",  "where numbers are short, with 44" },
  { "07700900123",      "+447700900123", "a mobile" },
  { "+4407700900123",   "+447700900123", "a mobile, with (0)" },
  { "447700900123",     "+447700900123", "a mobile, with 44" },
  { "07624900123",      "+447624900123", "a mobile on the Isle of Man" },
  { "03001234567",      "+443001234567", "at the rate of a national call" },
  { "08001111",         "+448001111",    "freephone, short" },
  { "0800123456",       "+44800123456",  "freephone, nine digits" },
  { "08001234567",      "+448001234567", "freephone" },
  { "05512345678",      "+445512345678", "a corporate number" },
  { "0033142685300",    "+33142685300",  "in Paris" },
  { "+33142685300",     "+33142685300",  "in Paris, with +" },
  { "0012125550123",    "+12125550123",  "in New York" },
  { "101",              "101",           "the police" },
  { "105",              "105",           "the electricity company" },
  { "111",              "111",           "medical advice" },
  { "123",              "123",           "the speaking clock" },
  { "155",              "155",           "the operator abroad" },
  { "116123",           "116123",        "a helpline" },
  { "118500",           "118500",        "directory enquiries" },
  { "09061234567",      "+449061234567", "premium rate" },
  { "07012345678",      "+447012345678", "a personal number" },
  { "00870123456789",   "+870123456789", "a ship" },
  { "+870123456789",    "+870123456789", "a ship, with +" },
  { "00881612345678",   "+881612345678", "a satellite telephone, with 00" },
  { "+881612345678",    "+881612345678", "a satellite telephone" },
  { "0097912345678",    "+97912345678",  "premium rate of the world" },
  { "+97912345678",     "+97912345678",  "premium rate of the world, with +" },
}

for _, case in ipairs(world) do
  local dialled, sent, what = table.unpack(case)
  test(dialled .. ": " .. what, function(t)
    t:line("77513"):setPermissions("premium")
    t:outside(sent):answersAfter("2s")

    t:phone("77513"):calls(dialled):isTalkingTo(sent)

    t:outside(sent):shows { number = "+441865277513" }
  end)

  test(dialled .. " cannot be reached through us from outside", function(t)
    t:call { from = "+442079460018", to = dialled }:isRejected("notFound")

    t:outside(sent):isNotRinging()
  end)
end

-- The number that is shown outside.

for extension, shown in pairs { ["77513"] = "+441865277513", ["15902"] = "+441865615902", ["89100"] = "+441865289100" } do
  test("the world sees " .. extension .. " as " .. shown, function(t)
    t:line(extension):setPermissions("national")

    t:phone(extension):calls("02079460018"):hearsRinging()

    t:outside("+442079460018"):isRinging():shows { number = shown }
  end)
end

-- What becomes of calls to the world.

test("nobody answers in London for two minutes", function(t)
  t:phone("77513"):calls("02079460018"):hearsRinging():isRejected("unavailable")
  t:elapsed("2m")
end)

test("London is engaged", function(t)
  t:outside("+442079460018"):isBusy()

  t:phone("77513"):calls("02079460018"):isRejected("busy")
end)

test("London turns the call away", function(t)
  t:outside("+442079460018"):rejects()

  t:phone("77513"):calls("02079460018"):isRejected("declined")
end)

test("the trunk has no line free: a tone", function(t)
  t:trunk("pstn"):rejects(503)

  t:phone("77513"):calls("02079460018"):hears("tone:congestion"):isRejected("congested")
end)

test("the trunk is down", function(t)
  t:trunk("pstn"):isDown()

  t:phone("77513"):calls("02079460018"):isRejected()
end)

for number, why in pairs {
  ["0770090012"] = "a digit short", ["077009001234"] = "a digit too many", ["0186524000"] = "short, in town",
  ["+3312"] = "no country has it", ["04412345678"] = "no such code", ["+0123456789"] = "no country at all",
  ["+4400331426853"] = "a nought too many", ["+44*1"] = "not a digit", ["0044#"] = "nothing after the country",
} do
  test(number .. " cannot exist: " .. why, function(t)
    t:line("77513"):setPermissions("premium")

    t:phone("77513"):calls(number):hears("tone:unobtainable"):isRejected("notFound")
  end)
end
