package dev.chancery.acme;

import static java.util.stream.Collectors.toSet;

import dev.chancery.core.AccountId;
import dev.chancery.core.DnsName;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The dns-persist-01 challenge (draft-ietf-acme-dns-persist-02): a TXT record that stays names this
 * CA and, by a digest, the account. Records of names above are not looked for: the draft leaves it
 * to the CA whether they count (section 6).
 */
final class DnsPersist01 implements Validator {
  private static final String LABEL = "_validation-persist";
  private static final String ALGORITHM = "sha-256/";
  private static final String ANY_DOMAIN = "*";
  // 33,658 years: a bound that bounds nothing.
  private static final int MOST_DIGITS = 12;

  private final TextRecords records;
  private final Function<AccountId, List<String>> thumbprints;
  private final Clock clock;

  /**
   * @param thumbprints of all keys that an account has had, in base64url, the present one first;
   *     none when it is deactivated
   */
  DnsPersist01(TextRecords records, Function<AccountId, List<String>> thumbprints, Clock clock) {
    this.records = records;
    this.thumbprints = thumbprints;
    this.clock = clock;
  }

  @Override
  public Outcome attempt(Attempt attempt) {
    if (!(attempt.name() instanceof DnsName name)) {
      throw new IllegalArgumentException("only DNS names are proven in DNS");
    }
    String owner = LABEL + "." + name.base().value();
    try {
      return judge(attempt, name, owner, records.of(owner, attempt.deadline()));
    } catch (Unmet e) {
      return e.outcome();
    }
  }

  private Outcome judge(Attempt attempt, DnsName name, String owner, List<String> texts) {
    Set<String> issuers =
        attempt.urls().endpoint().challenges().issuerDomainNames().stream()
            .map(DnsName::value)
            .collect(toSet());
    Set<String> accounts = accountUris(attempt, name);
    Optional<Outcome.Met> met = Optional.empty();
    List<Fault> faults = new ArrayList<>();
    for (String text : texts) {
      Optional<IssueValue> value =
          IssueValue.parse(text).filter(one -> issuers.contains(one.issuer()));
      if (value.isPresent()) {
        try {
          met = Optional.of(longer(met, judge(attempt, name, value.get(), accounts)));
        } catch (Fault e) {
          faults.add(e);
        }
      }
    }
    if (met.isPresent()) {
      return met.get();
    }
    AcmeError error =
        faults.stream().anyMatch(fault -> fault.malformed)
            ? AcmeError.MALFORMED
            : AcmeError.INCORRECT_RESPONSE;
    String why = faults.isEmpty() ? "names this CA as " + issuers : faults.getFirst().getMessage();
    return new Outcome.NotMet(
        Problem.of(
            error,
            faults.isEmpty()
                ? "no TXT record of " + owner + " " + why + "; found " + TextRecords.shown(texts)
                : "the TXT record of "
                    + owner
                    + " for this CA "
                    + why
                    + "; found "
                    + TextRecords.shown(texts)),
        false);
  }

  /** Section 4.1: what the record of this CA must and must not say. */
  private Outcome.Met judge(Attempt attempt, DnsName name, IssueValue value, Set<String> accounts)
      throws Fault {
    String account = value.parameters().getOrDefault("accounturi", "");
    if (!accounts.contains(account)) {
      String prefix = attempt.urls().accountHashPrefix();
      throw new Fault(
          account.isEmpty()
              ? "has no accounturi"
              : "has an accounturi that is not the hashed URI of the account",
          account.startsWith(prefix) && !account.startsWith(prefix + ALGORITHM));
    }
    boolean all = "wildcard".equalsIgnoreCase(value.parameters().get("policy"));
    if (name.isWildcard() && !all) {
      throw new Fault("is not for wildcards: it has no policy=wildcard", false);
    }
    String until = value.parameters().get("persistuntil");
    if (until == null) {
      return new Outcome.Met();
    }
    if (!until.matches("[0-9]+")) {
      throw new Fault("has a persistUntil that is no number", true);
    }
    if (until.length() > MOST_DIGITS) {
      return new Outcome.Met();
    }
    Instant end = Instant.ofEpochSecond(Long.parseLong(until));
    if (clock.instant().isAfter(end)) {
      throw new Fault("was to persist until " + end, false);
    }
    return new Outcome.Met(Optional.of(end));
  }

  private static Outcome.Met longer(Optional<Outcome.Met> one, Outcome.Met other) {
    if (one.isEmpty() || other.until().isEmpty()) {
      return other;
    }
    Optional<Instant> until = one.get().until();
    return until.isEmpty() || until.get().isAfter(other.until().get()) ? one.get() : other;
  }

  /** Section 4.2: for each key that the account has had, for this domain and for any. */
  private Set<String> accountUris(Attempt attempt, DnsName name) {
    Set<String> uris = new HashSet<>();
    for (String thumbprint : thumbprints.apply(attempt.account())) {
      for (String domain : List.of(name.base().value(), ANY_DOMAIN)) {
        uris.add(
            hashedUri(
                attempt.urls().accountHashPrefix(),
                domain,
                thumbprint,
                attempt.urls().account(attempt.account())));
      }
    }
    return uris;
  }

  /** The accounturi of a record (section 4.1). */
  static String hashedUri(String prefix, String domain, String thumbprint, String accountUrl) {
    ByteArrayOutputStream octets = new ByteArrayOutputStream();
    octets.write(domain.length());
    octets.writeBytes(domain.getBytes(StandardCharsets.US_ASCII));
    octets.writeBytes(thumbprint.getBytes(StandardCharsets.US_ASCII));
    octets.writeBytes(accountUrl.getBytes(StandardCharsets.US_ASCII));
    return prefix + ALGORITHM + Base64Url.encode(Sha256.of(octets.toByteArray()));
  }

  /** What is wrong with a record that names this CA. */
  private static final class Fault extends Exception {
    private static final long serialVersionUID = 1L;

    private final boolean malformed;

    Fault(String why, boolean malformed) {
      super(why, null, false, false);
      this.malformed = malformed;
    }
  }
}
