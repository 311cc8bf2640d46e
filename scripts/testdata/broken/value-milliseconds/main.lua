extension("600", function(call)
  call:readDigits { prompt = "vm-intro", timeout = 20000 }
end)
