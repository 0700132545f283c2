// Command cri calls the container runtime interface (CRI) of Kubernetes, for tests: there is no
// package of crictl in Debian 12.
//
//	cri SOCKET METHOD [REQUEST]
//	cri SOCKET exec CONTAINER COMMAND [ARG]...
//	cri SOCKET attach CONTAINER
//	cri SOCKET port-forward POD PORT
//
// A METHOD is one of k8s.io/cri-api, such as RunPodSandbox. Its request and its response are in
// the JSON form of Protocol Buffers. exec and attach connect the standard streams, and exec
// exits with the exit code of the command. port-forward connects standard input and output with
// a port of the pod.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:])
	var exit utilexec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitStatus())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cri:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: cri SOCKET METHOD [REQUEST]")
	}
	conn, err := grpc.NewClient("unix:"+args[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := cri.NewRuntimeServiceClient(conn)
	switch method, args := args[1], args[2:]; {
	case method == "exec" && len(args) > 1:
		r, err := client.Exec(ctx, &cri.ExecRequest{ContainerId: args[0], Cmd: args[1:], Stdin: true, Stdout: true, Stderr: true})
		if err != nil {
			return err
		}
		return stream(ctx, r.Url)
	case method == "attach" && len(args) == 1:
		r, err := client.Attach(ctx, &cri.AttachRequest{ContainerId: args[0], Stdin: true, Stdout: true, Stderr: true})
		if err != nil {
			return err
		}
		return stream(ctx, r.Url)
	case method == "port-forward" && len(args) == 2:
		r, err := client.PortForward(ctx, &cri.PortForwardRequest{PodSandboxId: args[0]})
		if err != nil {
			return err
		}
		return forward(r.Url, args[1])
	case len(args) > 1:
		return fmt.Errorf("%s: one request", method)
	default:
		request := "{}"
		if len(args) == 1 {
			request = args[0]
		}
		return call(ctx, conn, method, request)
	}
}

// call calls a method of one of the two services by its name, and prints the response.
func call(ctx context.Context, conn *grpc.ClientConn, name, request string) error {
	for _, service := range []protoreflect.FullName{"runtime.v1.RuntimeService", "runtime.v1.ImageService"} {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(service)
		if err != nil {
			return err
		}
		method := d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
		if method == nil {
			continue
		}
		in, err := message(method.Input())
		if err != nil {
			return err
		}
		out, err := message(method.Output())
		if err != nil {
			return err
		}
		if err := protojson.Unmarshal([]byte(request), in); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := conn.Invoke(ctx, fmt.Sprintf("/%s/%s", service, name), in, out); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Println(protojson.Format(out))
		return nil
	}
	return fmt.Errorf("no method %s", name)
}

func message(d protoreflect.MessageDescriptor) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	return t.New().Interface(), nil
}

// stream connects the standard streams with those at a URL.
func stream(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewSPDYExecutor(&rest.Config{}, http.MethodPost, u)
	if err != nil {
		return err
	}
	return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
}

// forward connects standard input and output with a port at a URL, in the protocol of kubectl
// port-forward: a stream for errors, and one for data.
func forward(address, port string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	transport, upgrader, err := spdy.RoundTripperFor(&rest.Config{})
	if err != nil {
		return err
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, u)
	conn, _, err := dialer.Dial("portforward.k8s.io")
	if err != nil {
		return err
	}
	defer conn.Close()
	header := http.Header{"Port": {port}, "Requestid": {"0"}, "Streamtype": {"error"}}
	failures, err := conn.CreateStream(header)
	if err != nil {
		return err
	}
	failures.Close()
	header.Set("Streamtype", "data")
	data, err := conn.CreateStream(header)
	if err != nil {
		return err
	}
	go send(data)
	if _, err := io.Copy(os.Stdout, data); err != nil {
		return err
	}
	text, err := io.ReadAll(failures)
	if err == nil && len(text) > 0 {
		err = errors.New(string(text))
	}
	return err
}

// send sends standard input, and then that there is no more.
func send(data httpstream.Stream) {
	_, _ = io.Copy(data, os.Stdin)
	data.Close()
}
