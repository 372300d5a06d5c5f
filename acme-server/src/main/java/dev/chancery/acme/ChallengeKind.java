package dev.chancery.acme;

/** The ways to prove control of a name that this server offers (RFC 8555 section 8). */
enum ChallengeKind {
  HTTP_01("http-01");

  private final String type;

  ChallengeKind(String type) {
    this.type = type;
  }

  static ChallengeKind stored(String type) {
    for (ChallengeKind kind : values()) {
      if (kind.type.equals(type)) {
        return kind;
      }
    }
    throw new IllegalStateException("a stored challenge is of no known kind");
  }

  String type() {
    return type;
  }
}
