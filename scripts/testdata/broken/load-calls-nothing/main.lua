local t = { a = function() end }
t.a() t.a() t.b() t.a()

extension("600", function(call) call:answer() end)
