// Command metrics-server is the upstream program of this name, built from its published module.
package main

import (
	"os"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/logs"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

func main() {
	logs.InitLogs()
	defer logs.FlushLogs()
	if app.NewMetricsServerCommand(genericapiserver.SetupSignalHandler()).Execute() != nil {
		// The command has said why.
		logs.FlushLogs()
		os.Exit(1)
	}
}
