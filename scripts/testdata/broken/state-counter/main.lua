local turns = 0
extension("600", function(call)
  turns = turns + 1
  call:bridge(turns % 2 == 0 and "201" or "202")
end)
