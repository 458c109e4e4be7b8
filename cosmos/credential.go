package cosmos

import (
	"context"
	"errors"
	"net"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// credential marks what goes wrong with a token: the request that needed it was
// not sent.
type credential struct{ azcore.TokenCredential }

func (c credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := c.TokenCredential.GetToken(ctx, o)
	if err != nil {
		err = &credentialError{err}
	}
	return t, err
}

// credentialError is that there is no token.
type credentialError struct{ cause error }

func (e *credentialError) Error() string { return "cosmos: no token: " + e.cause.Error() }

func (e *credentialError) Unwrap() error { return e.cause }

// unreachable reports whether the token's issuer did not answer, rather than
// refuse.
func (e *credentialError) unreachable() bool {
	var network net.Error
	return errors.As(e.cause, &network)
}
