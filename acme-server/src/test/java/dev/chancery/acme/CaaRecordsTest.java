package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.DnsName;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** RFC 8659 section 4 and RFC 8657: what records say. */
final class CaaRecordsTest {
  private static final String ACCOUNT = "https://acme.example/acme/default/account/1";
  private static final Set<String> IDENTITIES = Set.of("ca.example", "authority.example");

  private static Optional<String> objection(String name, String... properties) {
    List<CaaProperty> read = new ArrayList<>();
    for (String property : properties) {
      String[] parts = property.split(" ", 3);
      read.add(new CaaProperty(parts[0].equals("128"), parts[1], parts[2]));
    }
    return new CaaRecords("example", read)
        .objection(new CaaRecords.Question(new DnsName(name), IDENTITIES, ACCOUNT, "dns-01"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 issue ca.example",
        "0 issue CA.Example",
        "0 issue authority.example",
        "128 issue ca.example",
        "0 issue   ca.example",
        "0 issue ca.example;",
        "0 issue ca.example; accounturi=" + ACCOUNT,
        "0 issue ca.example; AccountURI=" + ACCOUNT,
        "0 issue ca.example; validationmethods=dns-01",
        "0 issue ca.example; validationmethods=http-01,dns-01,ca-own",
        "0 issue ca.example; accounturi=" + ACCOUNT + "; validationmethods=dns-01",
        "0 iodef mailto:security@example.com",
        "128 iodef mailto:security@example.com",
        "0 issuewild ;",
        "0 unheard of",
      })
  @DisplayName(
      "RFC 8659 4.2, RFC 8657 3, 4: a property for this CA whose conditions are met permits")
  void permitted(String property) {
    assertThat(objection("a.example", property)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 issue ;| names this CA",
        "0 issue other.example| names this CA",
        "0 issue example| names this CA",
        "0 issue sub.ca.example| names this CA",
        "0 issue %%%%%| names this CA",
        "0 issue ca.example; =x| names this CA",
        "0 issue ca.example; validationmethods| names this CA",
        "0 issue ca.example; a=1; a=2| names this CA",
        "0 issue ca.example accounturi=x| names this CA",
        "128 issue ;| names this CA",
        "128 unheard of| unheard",
        "0 issue ca.example; accounturi=https://acme.example/acme/default/account/2| another"
            + " account",
        "0 issue ca.example; accounturi=" + ACCOUNT + "/| another account",
        "0 issue ca.example; accounturi=| another account",
        "0 issue ca.example; validationmethods=http-01| dns-01",
        "0 issue ca.example; validationmethods=| dns-01",
        "0 issue ca.example; validationmethods=dns-01,| dns-01",
        "0 issue ca.example; validationmethods=http-01;accounturi=" + ACCOUNT + "| dns-01",
        "0 issue ca.example; policy=ev| policy",
      })
  @DisplayName("RFC 8659 4.2, RFC 8657 3, 4: anything else of a known property forbids")
  void forbidden(String property, String why) {
    assertThat(objection("a.example", property)).get().asString().contains(why);
  }

  @Test
  @DisplayName("RFC 8659 4.1: an unknown critical property forbids beside one that permits")
  void critical() {
    assertThat(objection("a.example", "0 issue ca.example", "128 unheard of")).isPresent();
    assertThat(objection("a.example", "0 issue ca.example", "0 unheard of")).isEmpty();
  }

  @Test
  @DisplayName("RFC 8659 4.3: issuewild is for wildcards alone, and for them in place of issue")
  void wildcard() {
    assertThat(objection("*.example", "0 issue ca.example")).isEmpty();
    assertThat(objection("*.example", "0 issue other.example")).isPresent();
    assertThat(objection("*.example", "0 issue ca.example", "0 issuewild ;")).isPresent();
    assertThat(objection("*.example", "0 issue ;", "0 issuewild ca.example")).isEmpty();
    assertThat(objection("a.example", "0 issue ;", "0 issuewild ca.example")).isPresent();
    assertThat(objection("a.example", "0 issue ca.example", "0 issuewild ;")).isEmpty();
  }

  @Test
  @DisplayName("RFC 8659 4.2: of several properties one that permits is enough")
  void several() {
    assertThat(
            objection(
                "a.example",
                "0 issue other.example",
                "0 issue ca.example; validationmethods=http-01",
                "0 issue ca.example; accounturi=" + ACCOUNT))
        .isEmpty();
  }

  @Test
  @DisplayName("whatever the octets of the properties: an answer, the same in every order of them")
  void anyOctets() {
    Random random = new Random(8659);
    List<String> pieces =
        List.of("ca.example", "other", ";", "=", " ", "accounturi", "validationmethods", ACCOUNT);
    List<String> tags = List.of("issue", "issuewild", "iodef", "x", "");
    int permitted = 0;
    for (int i = 0; i < 20_000; i++) {
      List<CaaProperty> properties = new ArrayList<>();
      for (int count = 1 + random.nextInt(4); count > 0; count--) {
        StringBuilder value = new StringBuilder();
        for (int length = random.nextInt(6); length > 0; length--) {
          value.append(
              random.nextInt(8) == 0
                  ? String.valueOf((char) random.nextInt(256))
                  : pieces.get(random.nextInt(pieces.size())));
        }
        properties.add(
            new CaaProperty(
                random.nextInt(10) == 0, tags.get(random.nextInt(tags.size())), value.toString()));
      }
      CaaRecords.Question question =
          new CaaRecords.Question(
              new DnsName(random.nextBoolean() ? "*.example" : "a.example"),
              IDENTITIES,
              ACCOUNT,
              "dns-01");
      Optional<String> objection = new CaaRecords("example", properties).objection(question);

      Collections.shuffle(properties, random);
      assertThat(new CaaRecords("example", properties).objection(question).isPresent())
          .as("%s", properties)
          .isEqualTo(objection.isPresent());
      objection.ifPresent(why -> assertThat(why).matches("[\\x20-\\x7e]*").hasSizeLessThan(4000));
      if (objection.isEmpty()) {
        permitted++;
        // Only the text that stands for this CA, or no text at all, can have permitted it.
        assertThat(properties)
            .satisfiesAnyOf(
                all ->
                    assertThat(all)
                        .anySatisfy(one -> assertThat(one.value()).contains("ca.example")),
                all ->
                    assertThat(all).noneSatisfy(one -> assertThat(one.tag()).isEqualTo("issue")));
      }
    }
    assertThat(permitted).isBetween(1000, 19_000);
  }
}
