package dev.chancery.acme;

import dev.chancery.core.DnsName;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.xbill.DNS.utils.base32;

/**
 * The dns-01 challenge (RFC 8555 section 8.4) and dns-account-01, which is the same at a name that
 * only one account uses (draft-ietf-acme-dns-account-label-03): one of the TXT records is the
 * digest of the key authorization.
 */
final class Dns01 implements Validator {
  private static final String LABEL = "_acme-challenge";
  private static final int ACCOUNT_LABEL_OCTETS = 10;

  private final TextRecords records;
  private final Function<Attempt, String> labels;

  private Dns01(TextRecords records, Function<Attempt, String> labels) {
    this.records = records;
    this.labels = labels;
  }

  static Dns01 of(TextRecords records) {
    return new Dns01(records, attempt -> LABEL);
  }

  static Dns01 byAccount(TextRecords records) {
    return new Dns01(
        records, attempt -> accountLabel(attempt.urls().account(attempt.account())) + "." + LABEL);
  }

  /**
   * An underscore and the first 80 bits of the URL's digest in base32 (section 3.1 of the draft).
   */
  static String accountLabel(String accountUrl) {
    byte[] digest = Arrays.copyOf(Sha256.of(accountUrl), ACCOUNT_LABEL_OCTETS);
    return "_" + new base32(base32.Alphabet.BASE32, false, true).toString(digest);
  }

  @Override
  public Outcome attempt(Attempt attempt) {
    if (!(attempt.name() instanceof DnsName name)) {
      throw new IllegalArgumentException("only DNS names are proven in DNS");
    }
    // Section 8.4: a wildcard is proven at the name below which it stands.
    String owner = labels.apply(attempt) + "." + name.base().value();
    String expected = Base64Url.encode(Sha256.of(attempt.keyAuthorization()));
    try {
      List<String> texts = records.of(owner, attempt.deadline());
      return texts.contains(expected)
          ? new Outcome.Met()
          : new Outcome.NotMet(
              Problem.of(
                  AcmeError.INCORRECT_RESPONSE,
                  "no TXT record of "
                      + owner
                      + " is the digest of the key authorization; found "
                      + TextRecords.shown(texts)),
              false);
    } catch (Unmet e) {
      return e.outcome();
    }
  }
}
