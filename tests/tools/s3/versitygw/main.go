// Command versitygw is the S3 server of this name over a folder, built from its published module.
//
// usage: versitygw LISTEN DATA METADATA, with ROOT_ACCESS_KEY and ROOT_SECRET_KEY in the environment.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: versitygw LISTEN DATA METADATA")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, listen, data, metadata string) error {
	// Beside the objects: not every file system has extended attributes.
	sidecar, err := meta.NewSideCar(metadata)
	if err != nil {
		return err
	}
	folder, err := posix.New(data, sidecar, posix.PosixOpts{SideCarDir: metadata, Concurrency: 64})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(ctx, folder, &embedgw.Config{
		RootUserAccess:    os.Getenv("ROOT_ACCESS_KEY"),
		RootUserSecret:    os.Getenv("ROOT_SECRET_KEY"),
		Region:            "us-east-1",
		MultipartMaxParts: 10000,
		Ports:             []string{listen},
		MaxConnections:    256,
		MaxRequests:       256,
		Quiet:             true,
	})
}
