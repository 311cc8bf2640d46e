extension("600", function(call)
  call:bridge("trunk:pstm/" .. call.dialled)
end)
