/*
 * A PKCS #11 module in front of the one that RETICENT_MODULE names, as some vendors' are: it knows
 * neither CKA_SIGN_RECOVER nor CKA_DERIVE when a key is made, tells neither CKA_NEVER_EXTRACTABLE
 * nor CKA_DERIVE, forgets CKA_DESTROYABLE, and has four sessions.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#define CKA_SIGN_RECOVER 0x109UL
#define CKA_DERIVE 0x10CUL
#define CKA_NEVER_EXTRACTABLE 0x164UL
#define CKA_DESTROYABLE 0x172UL
#define CKR_ATTRIBUTE_TYPE_INVALID 0x12UL
#define CKR_SESSION_COUNT 0xB1UL
#define MOST_SESSIONS 4

typedef unsigned long word;

typedef struct {
  word type;
  void *value;
  word length;
} attribute;

/* Places in CK_FUNCTION_LIST, after its version. */
enum { OPEN_SESSION = 12, CLOSE_SESSION = 13, GET_ATTRIBUTE_VALUE = 24, GENERATE_KEY_PAIR = 59 };

typedef struct {
  unsigned char version[2];
  void *functions[68];
} function_list;

static function_list own;
static function_list *real;
static int sessions;

static word open_session(word slot, word flags, void *application, void *notify, word *handle) {
  if (sessions >= MOST_SESSIONS) {
    return CKR_SESSION_COUNT;
  }
  word code = ((word(*)(word, word, void *, void *, word *))real->functions[OPEN_SESSION])(
      slot, flags, application, notify, handle);
  sessions += code == 0;
  return code;
}

static word close_session(word handle) {
  word code = ((word(*)(word))real->functions[CLOSE_SESSION])(handle);
  sessions -= code == 0;
  return code;
}

static word get_attribute_value(word session, word object, attribute *template, word count) {
  for (word i = 0; i < count; i++) {
    if (template[i].type == CKA_NEVER_EXTRACTABLE || template[i].type == CKA_DERIVE) {
      template[i].length = (word)-1;
      return CKR_ATTRIBUTE_TYPE_INVALID;
    }
  }
  return ((word(*)(word, word, attribute *, word))real->functions[GET_ATTRIBUTE_VALUE])(
      session, object, template, count);
}

static word generate_key_pair(word session, void *mechanism, attribute *public_template,
    word public_count, attribute *private_template, word private_count, word *public_key,
    word *private_key) {
  static unsigned char yes = 1;
  for (word i = 0; i < private_count; i++) {
    if (private_template[i].type == CKA_SIGN_RECOVER || private_template[i].type == CKA_DERIVE) {
      return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (private_template[i].type == CKA_DESTROYABLE) {
      private_template[i].value = &yes;
    }
  }
  return ((word(*)(word, void *, attribute *, word, attribute *, word, word *, word *))
          real->functions[GENERATE_KEY_PAIR])(session, mechanism, public_template, public_count,
      private_template, private_count, public_key, private_key);
}

word C_GetFunctionList(function_list **list) {
  const char *path = getenv("RETICENT_MODULE");
  void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
  word (*get)(function_list **) =
      library == NULL ? NULL : (word(*)(function_list **))dlsym(library, "C_GetFunctionList");
  if (get == NULL || get(&real) != 0) {
    return 5;
  }
  own = *real;
  own.functions[OPEN_SESSION] = open_session;
  own.functions[CLOSE_SESSION] = close_session;
  own.functions[GET_ATTRIBUTE_VALUE] = get_attribute_value;
  own.functions[GENERATE_KEY_PAIR] = generate_key_pair;
  *list = &own;
  return 0;
}
