// Command contender is a candidate for one Lease, written as users of client-go's leader election write it: the tests
// run it beside ours and measure both by the same file of events.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func main() {
	log.SetPrefix("contender: ")
	var kubeconfig, namespace, lease, identity, file string
	var leaseDuration, renewDeadline, retryPeriod time.Duration
	flags := flag.NewFlagSet("contender", flag.ExitOnError)
	flags.StringVar(&kubeconfig, "kubeconfig", "", "the cluster; required, so that no ambient one is ever used")
	flags.StringVar(&namespace, "namespace", "", "namespace of the Lease")
	flags.StringVar(&lease, "lease", "", "name of the Lease")
	flags.StringVar(&identity, "identity", "", "this candidate's identity, without spaces")
	flags.StringVar(&file, "events", "", "file to append events to")
	leases := flags.Int("leases", 0, "if not 0: compete for so many Leases, named as the flag says with -0, -1 and so on, without beats")
	flags.DurationVar(&leaseDuration, "lease-duration", 15*time.Second, "as in client-go")
	flags.DurationVar(&renewDeadline, "renew-deadline", 10*time.Second, "as in client-go")
	flags.DurationVar(&retryPeriod, "retry-period", 2*time.Second, "as in client-go")
	release := flags.Bool("release-on-cancel", true, "as in client-go; false ends at SIGTERM without giving the lease back")
	_ = flags.Parse(os.Args[1:])
	for _, value := range []string{kubeconfig, namespace, lease, identity, file} {
		if value == "" {
			flags.Usage()
			os.Exit(2)
		}
	}

	// SIGTERM cancels the context, and with ReleaseOnCancel that gives the lease back. As for all users of this API
	// the leading callback learns of it in the same moment: nothing makes the release wait for its end.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	events := openEvents(file, identity)
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	if *leases > 0 {
		// The electors share a client, and its limit of 5 requests a second would be what is measured.
		config.QPS = -1
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	election := leaderelection.LeaderElectionConfig{
		LeaseDuration:   leaseDuration,
		RenewDeadline:   renewDeadline,
		RetryPeriod:     retryPeriod,
		ReleaseOnCancel: *release,
	}
	lock := func(name string) *countingLock {
		return &countingLock{Interface: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		}}
	}

	events.write("ready", "-")
	if *leases == 0 {
		stand(ctx, election, lock(lease), lease, func(ctx context.Context, token string) { lead(ctx, events, token) })
		return
	}
	var all sync.WaitGroup
	for number := range *leases {
		name := fmt.Sprintf("%s-%d", lease, number)
		all.Go(func() {
			stand(ctx, election, lock(name), name, func(ctx context.Context, token string) {
				events.write("started@"+name, token)
				defer events.write("stopped@"+name, token)
				<-ctx.Done()
			})
		})
	}
	all.Wait()
}

// stand takes part in the election of one Lease until the context ends.
func stand(
	ctx context.Context, election leaderelection.LeaderElectionConfig, lock *countingLock, name string,
	body func(ctx context.Context, token string),
) {
	for ctx.Err() == nil {
		var leading sync.Mutex
		election.Lock = lock
		election.Name = name
		election.Callbacks = leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				leading.Lock()
				defer leading.Unlock()
				body(ctx, lock.token())
			},
			// Most users exit here, which hides for how long the callback would have gone on. This one does
			// not: the callback reports its own end, and then the candidate stands again.
			OnStoppedLeading: func() {},
		}
		leaderelection.RunOrDie(ctx, election)
		leading.Lock() // client-go does not wait for its callback either; two of them at once would be our own fault
	}
}

// lead is the work of the leader: a loop that looks at its context before each step.
func lead(ctx context.Context, events *events, token string) {
	events.write("started", token)
	defer events.write("stopped", token)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		events.write("beat", token)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// countingLock remembers the leaseTransitions that this process wrote last: client-go keeps it to itself, and it is
// the nearest that such a lease has to a fencing token.
type countingLock struct {
	resourcelock.Interface
	transitions atomic.Int64
}

func (l *countingLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Create(ctx, record)
	if err == nil {
		l.transitions.Store(int64(record.LeaderTransitions))
	}
	return err
}

func (l *countingLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Update(ctx, record)
	if err == nil {
		l.transitions.Store(int64(record.LeaderTransitions))
	}
	return err
}

func (l *countingLock) token() string {
	return strconv.FormatInt(l.transitions.Load(), 10)
}

// events is a file that several processes append to: one line and one write per event, so that lines stay whole.
type events struct {
	file *os.File
	who  string
}

func openEvents(path, identity string) *events {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	return &events{file: file, who: fmt.Sprintf("%s %d", identity, os.Getpid())}
}

func (e *events) write(event, token string) {
	// All processes of a machine share this clock; it goes on while the machine sleeps and is never set.
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		log.Fatal(err)
	}
	if _, err := fmt.Fprintf(e.file, "%d %s %s %s\n", now.Nano(), e.who, event, token); err != nil {
		log.Fatal(err)
	}
}
