extension("600", function(call)
  call:readDigits { tries = 20 }
end)
