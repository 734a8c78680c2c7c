// What is wrong with the whole, on every page.

import { moment, sentence as capital, shortMoment, told } from './format.js';
import { t } from './i18n.js';

const isolated = (ms) =>
  t("Isolated since {time}: most hosts do not answer. Check the server's network. ", { time: moment(ms) }) +
  t('States stay as they are until most hosts answer again.');
/** The server's sentences begin small: they stand in lists, too. */
const sentence = (words) => told(`${capital(words)}.`);

/** The banners for what the live view has, gravest first: their words, and whether they are grave. */
export function banners({ server: said, connected, at }) {
  const all = [
    [
      !connected && at,
      () =>
        t('Offline since {time}, trying again. What you see is as it was then.', { time: shortMoment(at) }),
      true,
    ],
    [said.isolated_since_ms, isolated, true],
    [said.own_trouble, told, true],
    [said.own_clock, sentence, true],
    [
      said.store_error,
      (words) =>
        t('The store is away: {words}. The live view goes on; history is not shown until it is back.', {
          words,
        }),
      true,
    ],
    [
      said.inventory_error,
      (words) => `${t('The inventory file is not in force, the one before is:')}\n${words}`,
      false,
    ],
    [said.inventory_waiting, (words) => `${words}.`, false],
    [said.stopping && connected, () => t('The server is stopping.'), false],
  ];
  return all.filter(([what]) => what).map(([what, words, isGrave]) => ({ words: words(what), isGrave }));
}
