/*
 * key_vectors.h - public keys and signatures of key_message made by the openssl
 * command (genpkey, dgst -sign), as another program would have made them.
 */
#ifndef TESTS_LAB_KEY_VECTORS_H
#define TESTS_LAB_KEY_VECTORS_H

static const char key_message[] = "signed by another program";

/* P-256, the point in full and compressed */
static const char p256_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhQnqnJTlrEjIEglgxJAYLjSaNYPV\n"
    "JPPUfM2zMMr8AiJooSA556ViiDd9Icj/Rio43xUQRnF9SzGC+H1DhKzJOA==\n"
    "-----END PUBLIC KEY-----\n";
static const char p256_compressed[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAChQnqnJTlrEjIEglgxJAYLjSaNYPV\n"
    "JPPUfM2zMMr8AiI=\n"
    "-----END PUBLIC KEY-----\n";
static const char p256_sig[] =
    "30460221008acac38f3b39a68a96736c4d46873c825fab5523f4c8f9dbed3ff4d7193a83"
    "3b022100fee89b78bfa37883d11d776c9499120a735d98f40e92e804cd30e88ea1ab6811";

/* P-384: a curve that the scheme does not name */
static const char p384_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAED6e56NePNFkLgvRze5NpuInUi80ItYTI\n"
    "mitOyjmxByGeZlMHuAMCz18lhm+HpyJqOw3iPxY6dZcQbJqbUbm3EtT8jUlgsO7J\n"
    "/sP9uqi4GjUP/dFZtxVA7PXyKMT0UzRW\n"
    "-----END PUBLIC KEY-----\n";
static const char p384_sig[] =
    "306502310093d5025725e00881df397fd9ec8c573dc693d3f399a85271f7f6b5fb3a4cfc"
    "5ec514ae3400d14caed798c51a81e38ead02306231310f9f6757a1c07e6028f150ba51d0"
    "983b07c429e681beb288aa198782d9062cb1062d3fdd32fcee310d04ff440e";

/* RSA 2048: PSS with a salt of 32 bytes, with the longest salt, and PKCS#1 v1.5 */
static const char rsa_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA08ESnQT03x81q5qEjwBS\n"
    "NXYpHLxZNtTxCyLc3c9DZJMZzmOUqYNVZqFfq2Np0PxGuJySpYDYkpYikAbMb7ea\n"
    "zPDmsWKvTLJosKI9/r3L/SiPGHNQoNJ3m2o0PFOGwrhtB1fpAoicZtsuRZbRN6Qn\n"
    "lw7wWV0QIOLBPSGinT2qFplLIn9uUTk+cWXd4+A2ia9SH2TmC3/QREnEj2wPo9z8\n"
    "hRv8YBC52NOkrZL5NZnf+dWAPyGtFgobJteHbKGiOZ2QhUhJ3ejDoMfkwfYAriln\n"
    "GnUkr1GJ6Z/q+IChnbBDmIR4wmK5HkE/ROx6sNBchSOgbuOQH+TDvdHTmafHWgVL\n"
    "MQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
static const char rsa_pss_sig[] =
    "adf9e5d746003032974a8c0274a3b7708ae7fec4cd5f3e04cc46627b3977a57141209b29"
    "7f478aa44e119584d2926ffa9a84d60e053e8d404984f7e0e0fc1a89fae1b61e1515a9f8"
    "b589bb1c82348254aa7d6102b2a5a0d312ed86a3f50d83e36f6f50b2b9342ec325145ca1"
    "3d521600963934bf59ba0b68189d2ba3b74c87ae79386419e871ffda75e12a21d8b9edf3"
    "53c66725be349fe150beadc2596299dc0ed13a02ff74fa2179156d466a20b60349aaeb91"
    "44b00064c4628916c566e0a210b78a0c9c72f2c78371b0a991992f052cd4e19c2bbe7fad"
    "7844627a3e5a77334f1b8ba7e33513da260142c77430bcc768263b631f25b8303def43cd"
    "56540015";
static const char rsa_pss_longest_sig[] =
    "346b1c42321a6039a9477f1d57df6514e4c0b79531a674173aa89e66163ba0433180dd96"
    "2a554313a5b9e0f113f53d367b5a531d3e8960f0e2d9c7bce5670bb34e47736263c6fee1"
    "a9ac14cf22d1d4ffd8f64070697d77b6c29b41bb5e149ef0478e71ba63a100f32d0c7cec"
    "098f825c05d4198004df2f7890233fa7213c791729c6b563d7a8c3caaea1b15c3d4c1d72"
    "f71779fdb20e49c2538d2cc665e43ef87edb39df4258b75920ace017ce714241473dbbb2"
    "8874fedc74a8b14c387673747a478379de87c83399614427eeba3e702d0538752b2812e7"
    "8275a09b7fe3286b4912a8ecfa962004cdae78c15add771c06d115e437ba9c203a5747df"
    "5500169c";
static const char rsa_v15_sig[] =
    "31af8e832ef2d1f18a07153c9b7f3859cc57c16d9de33a0bd135b8db2893729164b40679"
    "bfe5c76c6053cd6343b98da136dd8174510974c2dec1e29a52630dc86eaff89eaa3d7551"
    "70f749f72d46a11ec24c9c3c3752f6721b2fe3e0e214e41c44c9886ee0a57db169306947"
    "6a87159e0db0c2fc9a864fe3fcc0f9eefbe9fa50aa087548057ca9c1c9333305319c014a"
    "97f2adb649fb6409c6043193141f4e1e46bd91cfcae3bc860f5ab331f8c4e4fb0a191d52"
    "be58bba33eeb187d6142de3c10469df6394d71fc2a1255a38f3e23afc679d6b32d91964a"
    "d45c6c5d3b417b6512a4e7c8b8cb55a21591308de09111ba90e8413a4ecbd7ad81dc7e22"
    "b91a1a45";

/* RSA 1024: too short, though the signature is good */
static const char rsa_short_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC3I1NqMZfAAtwV9eSWCb5MkjBo\n"
    "AX8OtJS6YDq2jk5JVTaCptNy3GRqRMuKcD1/xowrJokj7jDMeTCO7axd+MwR1H90\n"
    "WBLJ2k6gF4SigVp4MZuK+yQo2B1om/HXqymR1kVDxymw7+qM6XPiYBfaAk6qlxwf\n"
    "Ja72MgIwLYDUk7RanQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
static const char rsa_short_sig[] =
    "3101fb7eaffaec13cda2dfb58f2788995d9e7574731a4d9b24de4e206aaac56b51b627ff"
    "5525c149dea5ac4af9d8151183fd434534486928ba09e8c0c6fa9f337f225ebe8a50132d"
    "34f0cdd8c3b86802aec7087196385befabc2c98ef310bc3afe9a55be74938cf6c2e274eb"
    "144643b96f704688828377c63b16ab152c7d6c9c";

#endif
