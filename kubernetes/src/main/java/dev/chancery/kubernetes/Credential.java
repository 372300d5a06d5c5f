package dev.chancery.kubernetes;

import dev.chancery.core.Cidr;
import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What lets its holder act under a role.
 *
 * @param networks the addresses that it is used from; any, when there are none
 * @param usesLeft how many logins are left; any number, when empty
 */
public record Credential(
    CredentialId id,
    RoleId role,
    Kind kind,
    String label,
    List<Cidr> networks,
    Optional<Integer> usesLeft,
    Instant created,
    Optional<Instant> expires) {
  private static final int LONGEST_LABEL = 100;
  private static final int MOST_NETWORKS = 100;

  /** The kinds of credentials. */
  public enum Kind {
    /** Is exchanged for a token at each login, together with the role's id. */
    SECRET_ID("secret-id"),
    /** Is a token itself. */
    TOKEN("token");

    private final String word;

    Kind(String word) {
      this.word = word;
    }

    @Override
    public String toString() {
      return word;
    }
  }

  /**
   * @throws IllegalArgumentException when the label is over-long or not a line, or uses or networks
   *     are out of bounds
   */
  public Credential {
    networks = List.copyOf(networks);
    if (label.length() > LONGEST_LABEL || label.codePoints().anyMatch(Character::isISOControl)) {
      throw new IllegalArgumentException(
          "the label is a line of at most " + LONGEST_LABEL + " characters");
    }
    if (networks.size() > MOST_NETWORKS) {
      throw new IllegalArgumentException("at most " + MOST_NETWORKS + " networks");
    }
    if (usesLeft.filter(uses -> uses < 0).isPresent()) {
      throw new IllegalArgumentException("uses are a positive number");
    }
  }

  boolean isFrom(InetAddress address) {
    return networks.isEmpty() || networks.stream().anyMatch(block -> block.contains(address));
  }

  boolean isOver(Instant now) {
    return expires.filter(end -> !end.isAfter(now)).isPresent();
  }
}
