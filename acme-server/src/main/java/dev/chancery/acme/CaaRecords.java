package dev.chancery.acme;

import dev.chancery.core.DnsName;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The CAA records that speak for a name, and what they say of it (RFC 8659 section 4, RFC 8657).
 * What cannot be understood forbids: a holder who wrote it wanted to restrict.
 *
 * @param owner the domain that has them: the name itself, or one above it
 */
record CaaRecords(String owner, List<CaaProperty> properties) {
  private static final String ISSUE = "issue";
  private static final String ISSUE_WILD = "issuewild";
  private static final String IODEF = "iodef";
  private static final Set<String> KNOWN = Set.of(ISSUE, ISSUE_WILD, IODEF);
  // RFC 8657 section 4.
  private static final Pattern METHODS = Pattern.compile("[A-Za-z0-9-]++(,[A-Za-z0-9-]++)*+");
  private static final int MOST_SHOWN = 5;
  private static final int LONGEST_SHOWN = 200;

  CaaRecords {
    properties = List.copyOf(properties);
  }

  /**
   * What is to be certified, by whom.
   *
   * @param name perhaps a wildcard
   * @param identities the issuer domain names of this CA
   * @param account the URL of the account (RFC 8657 section 3)
   * @param method how the name was proven (RFC 8657 section 4)
   */
  record Question(DnsName name, Set<String> identities, String account, String method) {}

  /** Why these records forbid it, for the client to read; nothing when they permit it. */
  Optional<String> objection(Question question) {
    for (CaaProperty property : properties) {
      if (property.critical() && !KNOWN.contains(property.tag())) {
        return Optional.of(
            "the critical property "
                + Seen.quoted(property.tag(), LONGEST_SHOWN)
                + " is not known here");
      }
    }
    // Section 4.3: for a wildcard, issuewild counts instead of issue where there is any.
    String tag = question.name().isWildcard() && !values(ISSUE_WILD).isEmpty() ? ISSUE_WILD : ISSUE;
    List<String> values = values(tag);
    if (values.isEmpty()) {
      return Optional.empty();
    }
    Optional<String> ours = Optional.empty();
    for (String value : values) {
      Optional<IssueValue> read =
          IssueValue.parse(value).filter(one -> question.identities().contains(one.issuer()));
      if (read.isPresent()) {
        Optional<String> unmet = unmet(read.get().parameters(), question);
        if (unmet.isEmpty()) {
          return Optional.empty();
        }
        ours = ours.or(() -> unmet);
      }
    }
    return Optional.of(
        ours.orElse("no " + tag + " names this CA as " + new TreeSet<>(question.identities()))
            + "; found "
            + shown());
  }

  private List<String> values(String tag) {
    return properties.stream()
        .filter(property -> property.tag().equals(tag))
        .map(CaaProperty::value)
        .toList();
  }

  /** The first condition of a property for this CA that is not met. */
  private static Optional<String> unmet(Map<String, String> parameters, Question question) {
    for (Map.Entry<String, String> parameter : parameters.entrySet()) {
      switch (parameter.getKey()) {
        case "accounturi" -> {
          if (!parameter.getValue().equals(question.account())) {
            return Optional.of("it is for another account than " + question.account());
          }
        }
        case "validationmethods" -> {
          if (!METHODS.matcher(parameter.getValue()).matches()
              || !Arrays.asList(parameter.getValue().split(",", -1)).contains(question.method())) {
            return Optional.of("it is not for names proven by " + question.method());
          }
        }
        default -> {
          return Optional.of(
              "it has the parameter "
                  + Seen.quoted(parameter.getKey(), LONGEST_SHOWN)
                  + ", which is not known here");
        }
      }
    }
    return Optional.empty();
  }

  /** Some of them, as a problem or a log can show them. */
  String shown() {
    StringBuilder shown = new StringBuilder();
    for (CaaProperty property : properties.subList(0, Math.min(MOST_SHOWN, properties.size()))) {
      shown
          .append(shown.isEmpty() ? "" : ", ")
          .append(property.critical() ? "critical " : "")
          .append(Seen.printable(property.tag()))
          .append(' ')
          .append(Seen.quoted(property.value(), LONGEST_SHOWN));
    }
    return properties.size() <= MOST_SHOWN
        ? shown.toString()
        : shown + " and " + (properties.size() - MOST_SHOWN) + " more";
  }
}
