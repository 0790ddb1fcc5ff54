package remote

import (
	"context"

	"kletscan/inventory"
	"kletscan/scanner"
)

// Dial is all that leads to a connection, in one.
func (d *Dialer) Dial(ctx context.Context, node inventory.Node) (scanner.Conn, error) {
	target, err := d.Resolve(ctx, node)
	if err != nil {
		return nil, err
	}
	link, err := target.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return link.Login(ctx)
}
