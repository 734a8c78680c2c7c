// Asks a running server all that matters through a client that openapi-generator made of its document:
// client ADDRESS, with the token in TOKEN. It is the strict one: a field that is missing or that the
// document does not name is an error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"api-test/roundsman"
)

// must is what was answered, when it is no error.
func must[T any](answer T, _ *http.Response, err error) T {
	check(err == nil, err)
	return answer
}

func check(isSo bool, what ...any) {
	if !isSo {
		panic(fmt.Sprint(what...))
	}
}

// until is what is asked, once it is so: the store is up to a second behind.
func until[T any](what string, ask func() T, isSo func(T) bool) T {
	for end := time.Now().Add(time.Minute); ; {
		answer := ask()
		if isSo(answer) {
			return answer
		}
		check(time.Now().Before(end), what, ": ", answer)
	}
}

func main() {
	settings := roundsman.NewConfiguration()
	settings.Servers = roundsman.ServerConfigurations{{URL: os.Args[1]}}
	settings.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	api := roundsman.NewAPIClient(settings).DefaultAPI
	as := context.WithValue(context.Background(), roundsman.ContextAccessToken, os.Getenv("TOKEN"))

	check(must(api.Readyz(as).Execute()).Ready, "not ready")
	listed := must(api.Hosts(as).Limit(5).Execute())
	check(listed.Total == 1 && listed.Next.Get() == nil, listed)
	name := listed.Hosts[0].Name

	// Polls, and the pages of them.
	for count := 0; count < 3; count++ {
		polled := must(api.Poll(as, name).Body(map[string]any{}).Execute())
		check(polled.Outcome == roundsman.OUTCOME_OK || polled.Outcome == roundsman.OUTCOME_PARTIAL, polled)
	}
	first := until("pages",
		func() *roundsman.PollsPage { return must(api.Polls(as, name).Limit(1).Execute()) },
		func(page *roundsman.PollsPage) bool { return page.Next.Get() != nil })
	next, err := url.ParseQuery(*first.Next.Get())
	check(err == nil, err)
	limit, err := strconv.ParseInt(next.Get("limit"), 10, 32)
	check(err == nil, err)
	second := must(api.Polls(as, name).
		From(next.Get("from")).To(next.Get("to")).Limit(int32(limit)).Order(next.Get("order")).Execute())
	check(second.Polls[0].SlotMs < first.Polls[0].SlotMs, first, second)

	// Values, and what they mean.
	drawn := until("values",
		func() *roundsman.SeriesShape {
			return must(api.Series(as, name).Columns([]string{"mem_used_pct", "load_1"}).From("-10m").Execute())
		},
		func(drawn *roundsman.SeriesShape) bool {
			for _, value := range drawn.Columns[0].Avg {
				if value != nil {
					return true
				}
			}
			return false
		})
	check(drawn.Columns[0].Name == "mem_used_pct" && drawn.Columns[1].Name == "load_1", drawn)
	found := false
	for _, column := range must(api.Columns(as).Execute()).Values {
		found = found || column.Name == "load_1"
	}
	check(found, "no column load_1")

	// The fleet at a glance.
	glance := must(api.Fleet(as).Execute())
	check(glance.Hosts[0][0] == name && glance.Hosts[0][3] == "up" && glance.Columns[3] == "state", glance)
	check(glance.Counts["up"] == 1, glance.Counts)

	// What is done to a host, and what is told of it.
	asked := roundsman.PauseAsked{}
	asked.SetReason("a client")
	paused := must(api.Pause(as, name).PauseAsked(asked).Execute())
	check(paused.State == roundsman.STATE_PAUSED, paused)
	until("list",
		func() *roundsman.HostsPage { return must(api.Hosts(as).State("paused").Execute()) },
		func(list *roundsman.HostsPage) bool { return list.Total == 1 })
	check(must(api.Resume(as, name).Body(map[string]any{}).Execute()).State != roundsman.STATE_PAUSED, "paused")
	asked.SetFor("1h")
	asked.SetUntil("now")
	_, _, err = api.Pause(as, name).PauseAsked(asked).Execute()
	check(strings.Contains(problem(err, 400).Detail, "exclude"), err)
	changes := until("events",
		func() *roundsman.FleetEventsPage { return must(api.FleetEvents(as).ToState("paused").Execute()) },
		func(page *roundsman.FleetEventsPage) bool { return len(page.Events) > 0 })
	check(changes.Events[0].Host == name && changes.Events[0].To == roundsman.STATE_PAUSED, changes)
	check(must(api.Why(as, name).Execute()).Sentence != "", "no sentence")
	check(must(api.Host(as, name).Execute()).Facts.Kernel.Get() != nil, "no kernel")

	// The server itself, and what is no JSON.
	check(must(api.Reload(as).ReloadAsked(roundsman.ReloadAsked{}).Execute()).Hosts == 1, "hosts")
	check(must(api.Inventory(as).Execute()).Hosts == 1, "hosts")
	check(must(api.Server(as).Execute()).Store.Get() != nil, "no store")
	check(len(must(api.Losses(as).Execute()).Losses) == 0, "losses")
	answer, err := api.Metrics(as).Execute()
	check(err == nil, err)
	text, err := io.ReadAll(answer.Body)
	check(err == nil && strings.HasSuffix(string(text), "# EOF\n"), err)

	// What is wrong is told.
	_, _, err = api.Host(as, "nobody").Execute()
	check(strings.Contains(problem(err, 404).Detail, "nobody"), err)
	fmt.Println("A client in Go reads all that it asked for.")
}

// problem is what an error's answer says.
func problem(err error, status int32) roundsman.Problem {
	var told *roundsman.GenericOpenAPIError
	check(errors.As(err, &told), err)
	said, isProblem := told.Model().(roundsman.Problem)
	check(isProblem && said.Status == status, err)
	return said
}
