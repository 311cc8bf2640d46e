local waiting = {}
extension("600", function(call)
  table.insert(waiting, call.id)
  call:answer()
end)
