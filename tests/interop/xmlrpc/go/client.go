// Peergate with Go's kolo/xmlrpc. Requests and answers are lines, see stacks.py.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kolo/xmlrpc"
)

type object = map[string]interface{}
type list = []interface{}

// doc: types
type Hit struct {
	ContentID string   `xmlrpc:"contentId"`
	Name      string   `xmlrpc:"name"`
	Size      int64    `xmlrpc:"size"` // with ?long=i8; else a large one is a double
	Tags      []string `xmlrpc:"tags"`
}

// end doc

type Chunk struct {
	Data   string `xmlrpc:"data"`
	Offset int64  `xmlrpc:"offset"`
	Size   int64  `xmlrpc:"size"`
	Name   string `xmlrpc:"name"`
	EOF    bool   `xmlrpc:"eof"`
}

type Content struct {
	ContentID string    `xmlrpc:"contentId"`
	Name      string    `xmlrpc:"name"`
	Size      int64     `xmlrpc:"size"`
	Tags      []string  `xmlrpc:"tags"`
	Published time.Time `xmlrpc:"published"`
}

type Named struct {
	State          string `xmlrpc:"state"`
	SubscriptionID string `xmlrpc:"subscriptionId"`
}

// doc: fault
// net/rpc makes a text of every fault: the code is in it.
var faultOf = regexp.MustCompile(`(?s)^Fault\((-?\d+)\): (.*)$`)

// end doc

func row(values ...string) { fmt.Println(strings.Join(append([]string{"row"}, values...), "\t")) }

func number(text string) int64 {
	value, _ := strconv.ParseInt(text, 10, 64)
	return value
}

func decimal(value int64) string { return strconv.FormatInt(value, 10) }

func save(path, text string) error {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func strs(words []string) list {
	found := list{}
	for _, word := range words {
		found = append(found, word)
	}
	return found
}

func answer(gate *xmlrpc.Client, verb string, a []string) error {
	switch verb {
	case "version":
		version, err := exec.Command("dpkg-query", "--show", "--showformat=${Version}", "golang-github-kolo-xmlrpc-dev").Output()
		row(regexp.MustCompile(`git\d+`).FindString(string(version)))
		return err
	case "methods":
		var names []string
		if err := gate.Call("system.listMethods", nil, &names); err != nil {
			return err
		}
		for _, name := range names {
			row(name)
		}
	case "help":
		var signatures [][]string
		var help string
		if err := gate.Call("system.methodSignature", a[0], &signatures); err != nil {
			return err
		}
		if err := gate.Call("system.methodHelp", a[0], &help); err != nil {
			return err
		}
		row(strconv.Itoa(len(signatures)), strings.Join(strings.Fields(help), " "))
	case "search":
		query, limit, minSize := a[0], number(a[1]), number(a[2])
		// doc: search
		var found struct {
			Hits []Hit `xmlrpc:"hits"`
		}
		options := object{"limit": limit, "minSize": minSize}
		if err := gate.Call("search.find", list{query, options}, &found); err != nil {
			return err
		}
		for _, hit := range found.Hits {
			row(append([]string{hit.ContentID, decimal(hit.Size), hit.Name}, hit.Tags...)...)
		}
		// end doc
	case "read":
		contentID, offset, length, path := a[0], number(a[1]), number(a[2]), a[3]
		var chunk Chunk
		// doc: read
		err := gate.Call("content.read", list{contentID, object{"offset": offset, "length": length}}, &chunk)
		if err != nil {
			return err
		}
		if err := save(path, chunk.Data); err != nil { // base64 stays text
			return err
		}
		// end doc
		row(decimal(chunk.Offset), decimal(chunk.Size), strconv.FormatBool(chunk.EOF))
	case "download":
		var whole Chunk
		if err := gate.Call("content.download", a[0], &whole); err != nil {
			return err
		}
		if err := save(a[1], whole.Data); err != nil {
			return err
		}
		row(whole.Name, decimal(whole.Size))
	case "publish":
		name, path, tags := a[0], a[1], strs(a[2:])
		// doc: publish
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var content Content
		encoded := xmlrpc.Base64(base64.StdEncoding.EncodeToString(data))
		if err := gate.Call("content.publish", list{name, encoded, object{"tags": tags}}, &content); err != nil {
			return err
		}
		// end doc
		published := decimal(content.Published.UnixNano() / 1000000)
		row(append([]string{content.ContentID, decimal(content.Size), content.Name, published}, content.Tags...)...)
	case "status":
		var transfer Named
		if err := gate.Call("transfer.status", a[0], &transfer); err != nil {
			return err
		}
		row(transfer.State)
	case "multicall":
		calls := list{
			object{"methodName": "search.find", "params": list{a[0], object{"limit": 100}}},
			object{"methodName": "transfer.status", "params": list{a[1]}},
		}
		var answers list
		if err := gate.Call("system.multicall", list{calls}, &answers); err != nil {
			return err
		}
		// An answer is in an array of one, a fault is a struct.
		row("hits", strconv.Itoa(len(answers[0].(list)[0].(object)["hits"].(list))))
		row("fault", fmt.Sprint(answers[1].(object)["faultCode"]))
	case "subscribe":
		var subscription Named
		if err := gate.Call("event.subscribe", list{strs(a)}, &subscription); err != nil {
			return err
		}
		row(subscription.SubscriptionID)
	case "pull":
		var page struct {
			Events []struct {
				Topic   string `xmlrpc:"topic"`
				Subject string `xmlrpc:"subject"`
			} `xmlrpc:"events"`
		}
		if err := gate.Call("event.pull", list{a[0], object{"waitMs": number(a[1])}}, &page); err != nil {
			return err
		}
		for _, event := range page.Events {
			row(event.Topic, event.Subject)
		}
	}
	return nil
}

func main() {
	address := os.Args[1]
	if os.Getenv("CREDENTIAL") != "" {
		name, token := os.Getenv("TOKEN_NAME"), os.Getenv("TOKEN")
		shown, _ := url.Parse(address)
		// doc: http
		shown.User = url.UserPassword(name, token)
		// end doc
		address = shown.String()
	}
	// doc: open
	gate, err := xmlrpc.NewClient(address, nil)
	// end doc
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Split(lines.Text(), "\t")
		err := answer(gate, words[0], words[1:])
		if fault := faultOf.FindStringSubmatch(fmt.Sprint(err)); fault != nil {
			fmt.Printf("fault\t%s\t%s\n", fault[1], fault[2])
		} else if err != nil {
			fmt.Printf("error\t%s\n", strings.Join(strings.Fields(err.Error()), " "))
		} else {
			fmt.Println("done")
		}
	}
}
