package dev.chancery.acme;

import dev.chancery.core.AccountId;
import dev.chancery.core.DnsName;
import dev.chancery.core.Name;
import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/** Attempts at validations, outside of any order. */
final class Attempts {
  static final AccountId ACCOUNT = new AccountId(new UUID(1, 2));
  static final AcmeUrls URLS =
      new AcmeUrls(
          new EndpointBuilder(AcmeEndpoint.DEFAULT, URI.create("https://acme.example"))
              .challenges(
                  new OfferedChallenges(
                      List.of(ChallengeKind.DNS_PERSIST_01),
                      List.of(new DnsName("ca.example"), new DnsName("authority.example"))))
              .build());

  /** Every host is this machine, but for those that never are one (RFC 2606). */
  static final HostAddresses LOOPBACK =
      (host, longest) -> {
        if (host.endsWith(".invalid")) {
          throw new HostAddresses.NotFound("there is no " + host);
        }
        return List.of(InetAddress.ofLiteral("127.0.0.1"));
      };

  private Attempts() {}

  static Validator.Attempt of(Name name, String token, String keyAuthorization) {
    return of(name, token, keyAuthorization, Duration.ofSeconds(10));
  }

  static Validator.Attempt of(Name name, String token, String keyAuthorization, Duration longest) {
    return new Validator.Attempt(
        name, token, keyAuthorization, ACCOUNT, URLS, Deadline.in(longest));
  }

  static Problem problem(Validator.Outcome outcome) {
    return switch (outcome) {
      case Validator.Outcome.NotMet notMet -> notMet.problem();
      case Validator.Outcome.Met met -> throw new AssertionError("met");
    };
  }
}
