//go:build !noazidentity

package config

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// open returns the identity's credential. The zero value of o reaches the real
// services.
func (i identity) open(o azcore.ClientOptions) (cred azcore.TokenCredential, err error) {
	switch i.credential {
	case byDefault:
		// A client id is the managed identity's here, which this has no option for.
		if i.clientID != "" {
			return nil, problem(cosmosBlock+".client-id", "means nothing with credential %s; set AZURE_CLIENT_ID", byDefault)
		}
		cred, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: o})
	case byManagedIdentity:
		m := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: o}
		if i.clientID != "" {
			m.ID = azidentity.ClientID(i.clientID)
		}
		cred, err = azidentity.NewManagedIdentityCredential(m)
	case byWorkloadIdentity:
		cred, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: o, ClientID: i.clientID})
	}
	if err != nil {
		return nil, problem(cosmosBlock+".credential", "%s: %w", i.credential, err)
	}
	return cred, nil
}
