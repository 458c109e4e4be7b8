package cosmos

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// throttle repeats requests that the service refused for load (429), after the
// delay that it names, within upstream's limits on attempts and on the time
// waited. What the service refuses so it has not carried out, so writes are
// repeated too. It is safe for concurrent use.
type throttle struct {
	limit   RetryOptions
	metrics *accountMetrics // nil does not count
}

// defaultThrottleDelay is for refusals that name no delay.
const defaultThrottleDelay = 100 * time.Millisecond

// Do sends the request until it is not refused or the limits are reached. The
// charge of the refused attempts is added to that of the answer.
func (t *throttle) Do(req *policy.Request) (*http.Response, error) {
	var waited time.Duration
	var refused float64
	for attempt := 0; ; attempt++ {
		resp, err := req.Next()
		if err != nil {
			if attempt > 0 {
				t.metrics.throttled(req.Raw(), attempt, false)
			}
			return resp, err
		}
		if resp.StatusCode != http.StatusTooManyRequests {
			if attempt > 0 {
				t.metrics.throttled(req.Raw(), attempt, true)
				addCharge(resp, refused)
			}
			return resp, nil
		}
		delay := throttleDelay(resp)
		if attempt >= t.limit.MaxRetryAttemptsOnThrottledRequests || waited+delay > t.limit.MaxRetryWaitTime {
			t.metrics.throttled(req.Raw(), attempt, false)
			addCharge(resp, refused)
			return resp, nil
		}
		waited += delay
		refused += charge(resp.Header)
		resp.Body.Close() // azcore has read it
		if err := wait(req.Raw().Context(), delay); err != nil {
			t.metrics.throttled(req.Raw(), attempt, false)
			return nil, err
		}
		if err := req.RewindBody(); err != nil {
			return nil, err
		}
	}
}

func throttleDelay(resp *http.Response) time.Duration {
	ms, err := strconv.ParseInt(resp.Header.Get(headerRetry), 10, 64)
	if err != nil || ms < 0 || ms > int64(time.Hour/time.Millisecond) {
		return defaultThrottleDelay
	}
	return time.Duration(ms) * time.Millisecond
}

// charge is the request units that an answer cost.
func charge(h http.Header) float64 {
	c, err := strconv.ParseFloat(h.Get(headerCharge), 64)
	if err != nil {
		return 0
	}
	return c
}

func addCharge(resp *http.Response, more float64) {
	if more > 0 {
		resp.Header.Set(headerCharge, strconv.FormatFloat(charge(resp.Header)+more, 'f', -1, 64))
	}
}

// retryType is upstream's name for what was repeated (row COS-D12).
func retryType(req *http.Request) string {
	switch {
	case !strings.Contains(req.URL.Path, "/docs"):
		return "Others"
	case req.Method == http.MethodGet && !strings.HasSuffix(strings.TrimRight(req.URL.Path, "/"), "/docs"):
		return "Get"
	case req.Method != http.MethodPost:
		return "Others"
	case strings.HasPrefix(req.Header.Get("Content-Type"), "application/query+json"):
		return "Query"
	}
	return "Create"
}
