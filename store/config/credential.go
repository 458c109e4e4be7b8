package config

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/whiskstore/whiskstore/cosmos"
)

// Values of whisk.cosmosdb.credential.
const (
	byKey              = "key"
	byDefault          = "default"
	byManagedIdentity  = "managed-identity"
	byWorkloadIdentity = "workload-identity"
)

// identity is what signs requests in place of a key.
type identity struct{ credential, clientID string }

// credentials are the identities of a stack, one credential each: collections
// with the same one share their client.
type credentials map[identity]azcore.TokenCredential

// sign sets what signs the requests of an account. Nothing is asked for yet.
func (c credentials) sign(a CosmosAccount, cfg *cosmos.Config, deps *cosmos.Deps) error {
	if a.Credential == byKey {
		cfg.Key = a.Key.Reveal()
		return nil
	}
	i := identity{a.Credential, a.ClientID}
	if c[i] == nil {
		cred, err := i.open(azcore.ClientOptions{})
		if err != nil {
			return err
		}
		c[i] = cred
	}
	deps.Credential = c[i]
	return nil
}
