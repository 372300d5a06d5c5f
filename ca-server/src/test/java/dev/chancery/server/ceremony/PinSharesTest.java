package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.SecureRandom;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The shares of a PIN")
class PinSharesTest {
  private static final String PIN = "0123-long-and-random-4567";
  private final SecureRandom random = new SecureRandom();

  @Test
  @DisplayName("give it back in any choice and order of enough of them")
  void enough() throws Exception {
    List<String> shares = PinShares.split(PIN, 3, 5, random);

    assertThat(shares).hasSize(5).noneMatch(share -> share.contains(PIN));
    for (int a = 0; a < 5; a++) {
      for (int b = 0; b < 5; b++) {
        for (int c = 0; c < 5; c++) {
          if (a != b && b != c && a != c) {
            List<String> some = List.of(shares.get(a), shares.get(b), " " + shares.get(c) + " ");
            assertThat(PinShares.join(some, random)).isEqualTo(PIN);
          }
        }
      }
    }
  }

  @Test
  @DisplayName("are refused when they are too few, one of them twice included")
  void tooFew() {
    List<String> shares = PinShares.split(PIN, 3, 5, random);

    assertThatThrownBy(() -> PinShares.join(shares.subList(0, 2), random))
        .hasMessage("2 different shares are there, and 3 are needed");
    assertThatThrownBy(
            () -> PinShares.join(List.of(shares.get(0), shares.get(0), shares.get(1)), random))
        .hasMessage("2 different shares are there, and 3 are needed");
    assertThatThrownBy(() -> PinShares.join(List.of(), random)).hasMessageContaining("needed");
  }

  @Test
  @DisplayName("tell a mistyped character at any place")
  void mistyped() {
    List<String> shares = PinShares.split(PIN, 2, 3, random);
    String share = shares.get(0);
    for (int i = 0; i < share.length(); i++) {
      char wrong = share.charAt(i) == '1' ? '2' : '1';
      String typed = share.substring(0, i) + wrong + share.substring(i + 1);
      assertThatThrownBy(() -> PinShares.join(List.of(typed, shares.get(1)), random))
          .hasMessageContaining("not a share, or has a mistake in it");
    }
  }

  @Test
  @DisplayName("of different PINs are told")
  void mixed() {
    List<String> one = PinShares.split(PIN, 2, 3, random);
    List<String> other = PinShares.split(PIN.replace('0', '9'), 2, 3, random);
    List<String> longer = PinShares.split(PIN + "0", 2, 3, random);

    assertThatThrownBy(() -> PinShares.join(List.of(one.get(0), other.get(1)), random))
        .hasMessage("the shares do not belong together");
    assertThatThrownBy(() -> PinShares.join(List.of(one.get(0), longer.get(1)), random))
        .hasMessage("the shares do not belong together");
  }

  @Test
  @DisplayName("are not made in numbers that make no sense")
  void numbers() {
    for (int[] wrong : List.of(new int[] {1, 3}, new int[] {4, 3}, new int[] {2, 21})) {
      assertThatThrownBy(() -> PinShares.split(PIN, wrong[0], wrong[1], random))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  @DisplayName("a PIN of other characters is not split, for they would be lost")
  void otherCharacters() {
    for (String pin : List.of("geh\u00e4im-1234", "one\ntwo", "tab\tbed")) {
      assertThatThrownBy(() -> PinShares.split(pin, 2, 3, random))
          .hasMessageContaining("printable ASCII");
    }
  }
}
