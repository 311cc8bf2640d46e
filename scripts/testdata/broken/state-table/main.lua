local seen = {}
extension("600", function(call)
  seen[call.from.number] = true
  call:answer()
end)
