// Command apiserver is etcd and kube-apiserver in one process, for tests.
//
// It keeps everything in one folder and listens on the ports it is told, so that it can be killed and started again
// as the same server: same address, same certificate, same tokens, same objects.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"embed"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	etcd "go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// The settings are files because the `server` script gives the very same ones to kube-apiserver and etcd binaries
// that were not built from this module.
//
//go:embed settings
var settings embed.FS

type options struct {
	data                     string
	port, etcdPort, peerPort int
	etcdThrough              int
}

func main() {
	var o options
	// Not flag.CommandLine: packages of Kubernetes register flags of their own there.
	flags := flag.NewFlagSet("apiserver", flag.ExitOnError)
	flags.StringVar(&o.data, "data", "", "folder for objects, keys, tokens and the kubeconfig; created if absent")
	flags.IntVar(&o.port, "port", 0, "port of the API on 127.0.0.1")
	flags.IntVar(&o.etcdPort, "etcd-port", 0, "port of etcd for clients on 127.0.0.1")
	flags.IntVar(&o.peerPort, "etcd-peer-port", 0, "port of etcd for peers on 127.0.0.1 (it insists on one)")
	flags.IntVar(&o.etcdThrough, "etcd-through", 0, "port of a proxy to etcd that kube-apiserver uses (none if absent)")
	_ = flags.Parse(os.Args[1:])
	if o.data == "" || o.port == 0 || o.etcdPort == 0 || o.peerPort == 0 {
		flags.Usage()
		os.Exit(2)
	}
	if o.etcdThrough == 0 {
		o.etcdThrough = o.etcdPort
	}

	code, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		code = 1
	}
	os.Exit(code)
}

func run(o options) (int, error) {
	var err error
	if o.data, err = filepath.Abs(o.data); err != nil {
		return 0, err
	}
	args, err := prepare(o)
	if err != nil {
		return 0, err
	}
	store, err := startEtcd(o)
	if err != nil {
		return 0, fmt.Errorf("etcd: %w", err)
	}
	defer store.Close()
	go func() {
		// Without its store the API would answer errors for ever: better to be seen to be gone.
		if err, ok := <-store.Err(); ok && err != nil {
			fmt.Fprintln(os.Stderr, "apiserver: etcd:", err)
			os.Exit(1)
		}
	}()

	command := app.NewAPIServerCommand()
	command.SetArgs(args)
	return cli.Run(command), nil // until SIGTERM or SIGINT
}

// prepare writes the files that kube-apiserver and its clients need, and returns kube-apiserver's flags.
func prepare(o options) ([]string, error) {
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return nil, err
	}
	if err := writeOnce(filepath.Join(o.data, "service-account.key"), newSigningKey); err != nil {
		return nil, err
	}
	// Both files carry the tokens. The kubeconfig comes last: a restart that finds it finds the matching tokens too.
	admin, nobody := newToken(), newToken()
	values := strings.NewReplacer(
		"@DATA@", o.data,
		"@PORT@", strconv.Itoa(o.port),
		"@ETCD_PORT@", strconv.Itoa(o.etcdThrough),
		"@ADMIN_TOKEN@", admin,
		"@NOBODY_TOKEN@", nobody,
	)
	fill := func(name string) ([]byte, error) {
		text, err := settings.ReadFile("settings/" + name)
		return []byte(values.Replace(string(text))), err
	}
	if _, err := os.Stat(filepath.Join(o.data, "kubeconfig.yaml")); errors.Is(err, fs.ErrNotExist) {
		for _, name := range []string{"tokens.csv", "kubeconfig.yaml"} {
			text, err := fill(name)
			if err != nil {
				return nil, err
			}
			if err := writeFile(filepath.Join(o.data, name), text); err != nil {
				return nil, err
			}
		}
	} else if err != nil {
		return nil, err
	}
	policy, err := fill("audit-policy.yaml")
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(o.data, "audit-policy.yaml"), policy); err != nil {
		return nil, err
	}
	list, err := fill("flags")
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(string(list)), "\n"), nil
}

// writeOnce leaves a file alone that is there already: a restarted server must accept what it gave out before.
func writeOnce(path string, content func() ([]byte, error)) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := content()
	if err != nil {
		return err
	}
	return writeFile(path, text)
}

// writeFile never leaves half a file behind, however the process ends.
func writeFile(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// newSigningKey makes the key for service account tokens. kube-apiserver refuses PKCS#8.
func newSigningKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func startEtcd(o options) (*etcd.Etcd, error) {
	local := func(port int) []url.URL {
		return []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}}
	}
	config := etcd.NewConfig()
	config.Dir = filepath.Join(o.data, "etcd")
	config.LogLevel = "warn"
	config.ListenClientUrls, config.AdvertiseClientUrls = local(o.etcdPort), local(o.etcdPort)
	config.ListenPeerUrls, config.AdvertisePeerUrls = local(o.peerPort), local(o.peerPort)
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	// A crash of the process loses nothing by this; a crash of the machine may lose a test's data.
	config.UnsafeNoFsync = true

	store, err := etcd.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-store.Server.ReadyNotify():
		return store, nil
	case err := <-store.Err():
		return nil, err
	case <-time.After(time.Minute):
		store.Close()
		return nil, errors.New("not ready after a minute")
	}
}
