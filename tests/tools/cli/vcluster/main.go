// Command vcluster is the official command line for virtual clusters, built from its published module.
package main

import (
	"github.com/loft-sh/vcluster/cmd/vclusterctl/cmd"
	"github.com/loft-sh/vcluster/pkg/upgrade"
)

// version is set by the linker.
var version = "0.0.1"

func main() {
	upgrade.SetVersion(version)
	cmd.Execute()
}
