package dev.chancery.core;

/** On whose word a certificate is made. There is no way to ask for one without. */
public sealed interface Approval {
  /** The request that certificates are recorded under. */
  RequestId request();

  /** A short line for the audit trail. */
  String by();

  /** An ACME order whose every authorization is valid (RFC 8555 section 7.4). */
  record ValidatedOrder(AccountId account, RequestId request) implements Approval {
    @Override
    public String by() {
      return "acme account " + account;
    }
  }

  /**
   * A requester that logged in under a role whose policy was applied to the request.
   *
   * @param forAuthorities whether the role is for CA certificates, and for nothing else
   */
  record TrustedRequester(String who, RequestId request, boolean forAuthorities)
      implements Approval {
    @Override
    public String by() {
      return who;
    }
  }

  /** This server, for a certificate that it needs itself, or its operator at the console. */
  record Infrastructure(String purpose, RequestId request) implements Approval {
    @Override
    public String by() {
      return "chancery: " + purpose;
    }
  }
}
