package cmd
type demoCmd struct{}
func (d *demoCmd) Run() error { return nil }
