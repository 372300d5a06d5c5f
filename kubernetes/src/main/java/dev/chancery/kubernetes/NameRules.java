package dev.chancery.kubernetes;

import dev.chancery.core.Cidr;
import dev.chancery.core.NamePolicy;
import dev.chancery.core.NamePolicy.DnsRule;
import dev.chancery.core.NamePolicy.OtherRule;
import dev.chancery.core.NamePolicy.Rules;
import dev.chancery.core.NamePolicy.UriRule;
import java.util.List;
import java.util.function.Function;

/**
 * A {@link NamePolicy} in an operator's words: {@code dns:corp.example} (the name and all below it)
 * or {@code dns:*}, {@code ip:10.0.0.0/8}, {@code uri:spiffe://corp.example/} (all that begin so)
 * or {@code uri:*}, {@code email:corp.example} (mail addresses of the domain and those below it) or
 * {@code email:*}, {@code other:1.3.6.1.4.1.311.20.2.3=*@corp.example} (otherNames of that kind
 * that end so) or without {@code =} (all of them), {@code subject:O=Corp} or {@code subject:O=*}
 * (attributes of subjects, where the profile copies those).
 *
 * @param allow what is allowed; nothing, when there is none
 * @param deny what is not even so
 * @param wildcards whether wildcard DNS names are
 */
public record NameRules(List<String> allow, List<String> deny, boolean wildcards) {
  private static final List<String> KINDS =
      List.of("dns", "ip", "uri", "email", "other", "subject");
  private static final int MOST = 200;
  private static final int LONGEST = 300;

  /** All of them, as they are kept. */
  private static final int LONGEST_TOGETHER = 30_000;

  /**
   * @throws IllegalArgumentException when one is not in the form above, or there are too many
   */
  public NameRules {
    allow = List.copyOf(allow);
    deny = List.copyOf(deny);
    if (allow.size() + deny.size() > MOST) {
      throw new IllegalArgumentException("more than " + MOST + " rules for names");
    }
    allow.forEach(NameRules::requireForm);
    deny.forEach(NameRules::requireForm);
    if (Lines.of(allow).length() > LONGEST_TOGETHER || Lines.of(deny).length() > LONGEST_TOGETHER) {
      throw new IllegalArgumentException("the rules for names are too long together");
    }
    // Throw when one cannot be read.
    NamePolicy _ = policy(allow, deny, wildcards);
    SubjectRules _ = subjects(allow, deny);
  }

  /** What it says of subjects. */
  SubjectRules subjects() {
    return subjects(allow, deny);
  }

  private static SubjectRules subjects(List<String> allow, List<String> deny) {
    return new SubjectRules(
        of("subject", SubjectRules.Rule::parse, allow),
        of("subject", SubjectRules.Rule::parse, deny));
  }

  /** The same as the engine reads it. */
  public NamePolicy policy() {
    return policy(allow, deny, wildcards);
  }

  private static NamePolicy policy(List<String> allow, List<String> deny, boolean wildcards) {
    return new NamePolicy(
        rules("dns", DnsRule::new, allow, deny),
        wildcards,
        rules("ip", Cidr::parse, allow, deny),
        rules("uri", UriRule::new, allow, deny),
        rules("email", DnsRule::new, allow, deny),
        rules("other", OtherRule::parse, allow, deny));
  }

  private static <T> Rules<T> rules(
      String kind, Function<String, T> parser, List<String> allow, List<String> deny) {
    return new Rules<>(of(kind, parser, allow), of(kind, parser, deny));
  }

  private static <T> List<T> of(String kind, Function<String, T> parser, List<String> rules) {
    String prefix = kind + ":";
    return rules.stream()
        .filter(rule -> rule.startsWith(prefix))
        .map(rule -> parser.apply(rule.substring(prefix.length())))
        .toList();
  }

  private static void requireForm(String rule) {
    boolean known = KINDS.stream().anyMatch(kind -> rule.startsWith(kind + ":"));
    boolean plain =
        rule.startsWith("subject:")
            ? rule.codePoints().noneMatch(NameRules::isUnprintable)
            : rule.chars().allMatch(c -> c > ' ' && c <= '~');
    if (rule.length() > LONGEST || !known || !plain) {
      throw new IllegalArgumentException(
          "a rule for names begins with dns:, ip:, uri:, email:, other: or subject: and has at most"
              + " "
              + LONGEST
              + " characters, in ASCII and without spaces but for subject:");
    }
  }

  private static boolean isUnprintable(int codePoint) {
    int kind = Character.getType(codePoint);
    return Character.isISOControl(codePoint)
        || kind == Character.LINE_SEPARATOR
        || kind == Character.PARAGRAPH_SEPARATOR
        || kind == Character.SURROGATE;
  }
}
