-- Ada, Ben and Cay are in the pickup group "office", Eve is in "music", Dan in none.

test("a colleague's call is taken from one's own phone", function(t)
  local dan = t:phone("77504"):calls("77502")
  t:phone("77502"):isRinging()
  t:phone("77501"):calls("**3"):isTalkingTo("77504")
  dan:isTalkingTo("77501")
  t:phone("77502"):isNotRinging()
end)

test("of two that ring, the one that has rung longest is taken", function(t)
  t:phone("77504"):calls("77503")
  t:phone("77503"):isRinging()
  t:wait("3s")
  t:phone("77505"):calls("77502")
  t:phone("77502"):isRinging()
  t:phone("77501"):calls("**3"):isTalkingTo("77504")
end)

test("when nothing rings one is told so", function(t)
  t:phone("77501"):calls("**3"):hears("belfry/pickup-none"):hasEnded()
end)

test("a call to another department is not taken", function(t)
  t:phone("77504"):calls("77502")
  t:phone("77502"):isRinging()
  t:phone("77505"):calls("**3"):hears("belfry/pickup-none"):hasEnded()
  t:phone("77502"):isRinging()
end)

test("who is in no pickup group may take nothing", function(t)
  t:phone("77504"):calls("**3"):hears("belfry/pickup-not-member"):hasEnded()
  t:phone("77504"):calls("**77501"):hears("belfry/pickup-not-member"):hasEnded()
end)

test("the call at one particular phone is taken", function(t)
  t:phone("77504"):calls("77503")
  t:phone("77503"):isRinging()
  t:wait("3s")
  t:phone("77505"):calls("77502")
  t:phone("77502"):isRinging()
  t:phone("77501"):calls("**77502"):isTalkingTo("77505")
  t:phone("77503"):isRinging()
end)

test("that phone does not ring: one is told so", function(t)
  t:phone("77501"):calls("**77502"):hears("belfry/pickup-line-none"):hasEnded()
end)

test("a phone of another group, of none, or of nobody is not allowed", function(t)
  t:phone("77505"):calls("77504")
  t:phone("77504"):isRinging()
  for _, number in ipairs { "77504", "77505", "77999" } do
    t:phone("77501"):calls("**" .. number):hears("belfry/pickup-not-allowed"):hasEnded()
  end
  t:phone("77504"):isRinging()
end)
