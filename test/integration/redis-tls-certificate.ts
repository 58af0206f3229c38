// FOR TESTS ONLY. The key is public, so it proves nothing and protects nothing: never trust this certificate outside of tests.
// Node cannot make certificates, and a test must need no tool that a machine may lack.

/** Of `localhost` and `127.0.0.1`, from 2020 to 2120. It signed itself, so it is its own authority. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnTCCAUKgAwIBAgIUXY0y3xffGy8kgcNbaMam+aRiLyQwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSd2F5YmlsbCB0ZXN0cyBvbmx5MCAXDTIwMDEwMTAwMDAwMFoY
DzIxMjAwMTAxMDAwMDAwWjAdMRswGQYDVQQDDBJ3YXliaWxsIHRlc3RzIG9ubHkw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR2FlzjrTaNqdttzafGJkj64dZac0ii
NmtvPkAGefSNfUqe5AjgapWw0s//sdoydk/r6SROI8xNY7qxk1tNXgEFo14wXDAa
BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAOBgNV
HQ8BAf8EBAMCAoQwHQYDVR0OBBYEFMSgLybVxbshCW9/YLwj7lBirCh4MAoGCCqG
SM49BAMCA0kAMEYCIQCd0c+m9kTWposcalfdKrl0ieS/L1SUvy4BR9Z4V396AgIh
AK3GCoNWlyQhv2foavE99eTvWDJb7OfnWFn41JDrP5nj
-----END CERTIFICATE-----
`;

/** The key of the certificate. */
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg98H0hX/t4mlbKZUZ
Eh3e8JPcYjqrz5tSPWXG7AwV4QGhRANCAAR2FlzjrTaNqdttzafGJkj64dZac0ii
NmtvPkAGefSNfUqe5AjgapWw0s//sdoydk/r6SROI8xNY7qxk1tNXgEF
-----END PRIVATE KEY-----
`;
