-- Given names and their other usual forms, in pairs.
--
-- The list comes from two: one of our own for Britain, and the pairs of the R
-- package sdglinkage as far as births in England and Wales know the names, less
-- those that are two names and not two forms of one. Pairs that differ by one letter
-- are left out: letters tell. sdglinkage is distributed under this licence:
--
-- Copyright (c) 2020 Haoyuan Zhang
--
-- Permission is hereby granted, free of charge, to any person obtaining a copy
-- of this software and associated documentation files (the "Software"), to deal
-- in the Software without restriction, including without limitation the rights
-- to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
-- copies of the Software, and to permit persons to whom the Software is
-- furnished to do so, subject to the following conditions:
--
-- The above copyright notice and this permission notice shall be included in all
-- copies or substantial portions of the Software.
--
-- THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
-- IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
-- FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
-- AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
-- LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
-- OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
-- SOFTWARE.

CREATE TABLE contactpoint.name_variant (
    name text COLLATE "C" NOT NULL CHECK (name <> '' AND name = contactpoint._normalize_name(name) AND name !~ ' '),
    variant text COLLATE "C" NOT NULL
        CHECK (variant <> '' AND variant = contactpoint._normalize_name(variant) AND variant !~ ' '),
    shipped boolean NOT NULL DEFAULT false,
    counts boolean NOT NULL DEFAULT true CHECK (counts OR NOT shipped),
    PRIMARY KEY (name, variant, shipped),
    CHECK (name < variant)
);
CREATE INDEX name_variant_variant_idx ON contactpoint.name_variant (variant);
COMMENT ON TABLE contactpoint.name_variant IS
    'pairs of given names that are usual forms of one name; see add_name_variant() and remove_name_variant()';
COMMENT ON COLUMN contactpoint.name_variant.name IS 'one of the two in normal form, the first in the order of bytes';
COMMENT ON COLUMN contactpoint.name_variant.variant IS 'the other';
COMMENT ON COLUMN contactpoint.name_variant.shipped IS
    'filled by the script; a row of an admin for the same pair counts before it';
COMMENT ON COLUMN contactpoint.name_variant.counts IS 'false: an admin has removed the shipped pair';
COMMENT ON INDEX contactpoint.name_variant_variant_idx IS 'pairs by the second name';

CREATE POLICY name_variant_read ON contactpoint.name_variant FOR SELECT
    TO contactpoint_manager, contactpoint_admin USING (true);
COMMENT ON POLICY name_variant_read ON contactpoint.name_variant IS 'managers and admins see which names count as one';

INSERT INTO contactpoint.name_variant (name, variant, shipped)
SELECT p.name, v.variant, true
FROM (VALUES
    ('aaron', 'arran arren'), ('abbey', 'abbie abi abigail'), ('abbie', 'abby abi abigail gail'), ('abby', 'abi abigail gail'),
    ('abe', 'abraham bram'), ('abi', 'abigail gail'), ('abigail', 'gail'), ('abraham', 'abram abramo bram'), ('ad', 'adam'), ('ada', 'ida'),
    ('addie', 'adela adelaide adele adeline'), ('addy', 'adela adelaide adele adeline'), ('adel', 'adelaide adeline'), ('adela', 'adelaide adeline'),
    ('adelaide', 'adele adeline'), ('adele', 'adeline'), ('adriana', 'adrienne'), ('aggie', 'agnes nessa'), ('agnes', 'nessa'), ('agneta', 'anita'),
    ('agosto', 'august augustus austen'), ('aian', 'eoin ian'), ('aila', 'isla'), ('aksel', 'axel'),
    ('al', 'albert alec alex alexa alexander alexandra alexandria ali bert bertie lex lexi sacha sandra sandy sasha xander'), ('alan', 'albie'),
    ('alana', 'allanah allie ally'), ('alanna', 'allana allanah allie ally'), ('alano', 'albie allan'), ('alastair', 'alister allister'),
    ('albert', 'bert bertie'), ('alberto', 'bert bertie'), ('albie', 'alen allan'),
    ('alec', 'aleksandar aleksander aleksandr alessandro alexander alexandre alexandros alexandrovi alexi alexnder ali alick lex sacha sandy sasha xander'),
    ('aleesha', 'alessia alysha'), ('aleisha', 'alessia alysha'), ('aleksandar', 'alessandro alexander alexandre alexandros alexi lexi'),
    ('aleksander', 'alessandro alexander alexandre alexandros alexandrovi alexi alexnder alick lexi'),
    ('aleksandr', 'alessandro alexander alexandre alexandros alexandrovi alexi alexnder alick lexi'), ('alen', 'allan'),
    ('alessandra', 'alexa alexanda alexanderia alexandra alexandria alexia sandie sandra sandy'),
    ('alessandria', 'alexa alexandra alexandria alexia sandra'),
    ('alessandro', 'alexander alexandre alexandros alexandrovi alexi alexnder alick lexi'), ('alessia', 'alysha'),
    ('alex', 'alexander alexandra alexandria alexis alexys ali lex lexi sacha sandra sandy sasha xander'),
    ('alexa', 'alexanda alexanderia alexandra ali lex lexi sacha sandie sandra sandy sasha'), ('alexanda', 'alexandria alexia sandra'),
    ('alexander', 'alexandros alexandrovi alexi ali alick lex sacha sandy sasha xander'), ('alexanderia', 'alexandra alexia sandra'),
    ('alexandra', 'alexia ali lex lexi sacha sandie sandra sandy sasha'), ('alexandre', 'alexandros alexandrovi alexi alexnder alick lexi'),
    ('alexandria', 'alexia ali lex lexi sacha sandie sandra sandy sasha'), ('alexandros', 'alexandrovi alexi alexnder alick lexi'),
    ('alexandrovi', 'alexi lexi'), ('alexi', 'alexnder alick'), ('alexia', 'sandie sandra sandy'), ('alexnder', 'lexi'),
    ('alf', 'alfie alfred fred freddie'), ('alfee', 'alfred fred'), ('alfie', 'alfred alfreda alfredo fred freddie fredo'),
    ('alfred', 'fred freddie fredo'), ('alfreda', 'fred'), ('alfredo', 'fred'), ('ali', 'alice alison ally lex lexi sacha sandra sandy sasha xander'),
    ('alia', 'alice'), ('alice', 'alison ally'), ('alick', 'lexi'), ('alisa', 'alison allison'), ('alisha', 'alison allison'),
    ('alison', 'alissa ally'), ('alissa', 'allison'), ('alistair', 'alister allister'), ('allana', 'allie ally'), ('allanah', 'allie'),
    ('allie', 'ally'), ('aloysius', 'lewis loui louis'), ('alveen', 'alvin'), ('alvin', 'alwine'), ('amalia', 'amelie'), ('amanda', 'amy mandy'),
    ('amelia', 'mia millie milly'), ('amy', 'mandy'), ('ana', 'anastasia stacia'), ('anastasia', 'stacia'), ('andie', 'andrea'),
    ('andre', 'andreas andy'), ('andreas', 'andrew andy'), ('andrew', 'andy drew'), ('andy', 'drew'), ('aneka', 'annie annika'),
    ('anette', 'ann anna anne'), ('ange', 'angela angelica angelo'), ('angel', 'angelica angie'), ('angela', 'angelica angie'),
    ('angelica', 'angelo angie'), ('angelo', 'angie'), ('angus', 'gus'), ('anika', 'annie'), ('anita', 'ann anna anne annie anya neta netta'),
    ('ann', 'anna anne annette annie anya hannah nan nancy'), ('anna', 'annette annie hannah nan nancy'), ('annabel', 'annabella'),
    ('annalise', 'anneliese'), ('anne', 'annette anya nan nancy'), ('annette', 'annie anya nan nancy'), ('annie', 'annika anya nan nancy'),
    ('ant', 'anthony anton antony tony'), ('anthon', 'antoni antonio antony toni'), ('anthoney', 'anton antoni antonio antony toni'),
    ('anthoni', 'anton antonio antony toni'), ('anthonie', 'anthony anton antoni antonio antony toni'),
    ('anthonious', 'anthony anton antoni antonio antony toni'), ('anthonius', 'anthony anton antoni antonio antony toni'),
    ('anthony', 'antionus anton antone antoni antonio toni tony'), ('anthoy', 'anton antoni antonio antony toni'),
    ('antionus', 'anton antoni antonio antony toni'), ('anton', 'antonio toni tony'), ('antone', 'antonio toni'), ('antoni', 'toni'),
    ('antonia', 'toni tonia'), ('antonio', 'antony toni'), ('antony', 'toni tony'), ('ara', 'arabella'), ('arabella', 'bella belle'),
    ('arch', 'archibald archie'), ('archibald', 'archie'), ('archie', 'archiebald'), ('arney', 'arnold'), ('aron', 'arran arren'),
    ('art', 'arthur artie artur arturo'), ('arthur', 'artie arturo auther'), ('artie', 'artur arturo athur auther'), ('artur', 'athur auther'),
    ('arturo', 'athur auther'), ('ash', 'ashlee ashleigh ashley'), ('ashlee', 'ashleigh'), ('ashleigh', 'ashley'),
    ('athrine', 'caitlin caitlyn catherine kate katelin katharine katherine kathleen kathryn katie katrina katy kit kitty'), ('audie', 'audrey'),
    ('audrey', 'audrie'), ('augie', 'august augustus austen'), ('august', 'augustine augustus austen'), ('augusta', 'augustus gus gussie'),
    ('auguste', 'augustus austen'), ('augustine', 'augustus austen'), ('augustus', 'austen gus gussie'), ('ayla', 'isla'), ('bab', 'barbara'),
    ('babb', 'barbara'), ('babette', 'bessie betsy betty elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('babs', 'barb barbara barbie'), ('barb', 'barbara barbie'), ('barbara', 'barbe barbie'), ('barnabas', 'barnaby barnie'),
    ('barnaby', 'barney barnie'), ('barnard', 'barney bernardo bernie'),
    ('barney', 'benardus berhardt bernard bernardo bernhard bernhardt bernie berny'), ('bart', 'bartholomew'), ('bas', 'bastian seb sebastian'),
    ('basil', 'basileus'), ('bastian', 'seb sebastian'), ('bea', 'beatrice beatrix bee trixie'), ('beatrice', 'beatrix bee trixie'),
    ('beatrix', 'bee trixie'), ('becca', 'beck becky bex rebecca rebekah'), ('beck', 'bex rebecca rebekah'), ('becky', 'bex rebecca rebekah'),
    ('bee', 'trixie'), ('bel', 'bella belle isabel isabella isabelle isobel isobelle'), ('belinda', 'linda'),
    ('bella', 'isabel isabella isabelle isobel isobelle izzie izzy'), ('belle', 'ella isabel isabella isabelle isobel isobelle izzie izzy'),
    ('ben', 'benjamin benji benjy benny'), ('benardus', 'bernard bernardo bernie'), ('benedetto', 'benedict'), ('benjamin', 'benji benjy benny'),
    ('benji', 'benny'), ('berhardt', 'bernard bernardo bernie'), ('bernard', 'bernhardt bernie berny'),
    ('bernardo', 'bernhard bernhardt bernie berny'), ('bernhard', 'bernie'), ('bernhardt', 'bernie'), ('bernie', 'berny'),
    ('bert', 'bertie bob bobby gil gilbert herb herbert hubert hugh rob robbie robert robin'), ('bertie', 'herb herbert'),
    ('bess', 'bessie beth betsy betty buffy elisa elisabeth elise elisha elissa eliza elizabeth elsie elspeth isabel libby lilibet lillie lisa lisbeth liz lizzie lizzy'),
    ('bessie', 'bessy bet beth betsey betsy bett bette bettie bettina betty bettye buffy elisa elisabeth elisabetta elise elisha elissa eliz eliza elizabeth elize elsie elspeth isabel libby lilibet lillie lisa lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('bessy', 'betty elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('bet', 'betsy betty elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('beth', 'bethan betsy betty buffy elisabeth elise eliza elizabeth elsie elspeth isabel libby lilibet lillie lisa lisbeth liz lizzie lizzy'),
    ('bethan', 'elizabeth'), ('bethany', 'elizabeth'), ('betsey', 'betty elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('betsy', 'bett bette bettie bettina bettye buffy elisa elisabeth elisabetta elise elisha elissa eliz eliza elizabeth elize elsie elspeth isabel libby lilibet lillie lisa lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('bett', 'elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('bette', 'elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('bettie', 'betty elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('bettina', 'betty elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('betty', 'buffy elisa elisabeth elisabetta elise elisha elissa eliz eliza elizabeth elize elsie elspeth isabel libby lilibet lillie lisa lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('bettye', 'elisa elisabeth elise elisha elissa eliza elizabeth elspeth libby lisa'), ('bex', 'rebecca rebekah'), ('biddy', 'bridget bridie'),
    ('bill', 'billie liam willem william wills willy'),
    ('billie', 'billy mina minnie wil wiley wilheim wilhelm wilie will willa willem willi william'),
    ('billy', 'liam wil wiley wilheim wilhelm wilie will willem willi william wills'), ('bjorn', 'bourne'),
    ('bob', 'bobby rob robbie robert roberto robin'), ('bobbie', 'roberta robyn'), ('bobby', 'rob robb robbie robert roberto robin robt'),
    ('bonita', 'bonnie'), ('brad', 'bradley'), ('braedon', 'braiden brayden'), ('braiden', 'braydon bryden'), ('brandon', 'brendan'),
    ('braydon', 'bryden'), ('breana', 'bree'), ('bred', 'brett'), ('bree', 'breeanne'), ('briant', 'bryan'), ('bridget', 'bridie'),
    ('brien', 'bryan'), ('brina', 'sabrina'), ('bron', 'bronwyn'),
    ('buffy', 'elisabeth elise eliza elizabeth elsie elspeth isabel libby lilibet lillie lisa lisbeth liz lizzie lizzy'),
    ('caitlin', 'cat caterina cath catharine catherine cathie cathline cathryn cathy kat kate katelin kath katharine katherine kathlyn kathryn kathy katie katy kit'),
    ('caitlyn', 'caterina cath catherine cathie cathline cathy catriona kate katelin kath katharine katherine kathleen kathlyn kathryn kathy katie katrina katy kay kaye kit kitty'),
    ('cal', 'calvin'), ('callie', 'colleen'), ('calum', 'mal malcolm malcom'), ('cami', 'camilla camille'), ('cara', 'carina karen karin karina'),
    ('carel', 'carolina caroline carrie karol'), ('carey', 'kerry'), ('carina', 'kara karen karin'),
    ('carl', 'carlos charles charley charlie chas chick chuck'), ('carle', 'carlos charles charley charlie karl'),
    ('carlo', 'charles charley charlie chas chick chuck karl'), ('carlos', 'charles charley charlie chas chick chuck karl'),
    ('carlotta', 'charlotte lottie'), ('carol', 'carolina caroline carolyn carrie caz lina'), ('carole', 'carolina caroline carrie karol'),
    ('carolina', 'carollyn carolyn carrie caryl karol'), ('caroline', 'carollyn carolyn carrie caryl caz karol lina'), ('carollyn', 'carrie karol'),
    ('carolyn', 'carrie caz karol lina'), ('carrie', 'caryl caz karol lina'), ('cary', 'kerry'), ('caryl', 'karol'), ('casey', 'kaysey'),
    ('cass', 'cassandra cassie sandra'), ('cassandra', 'cassie sandra'), ('cassie', 'sandra'),
    ('cat', 'cath catharine catherine cathryn cathy catriona kat kate kath katharine katherine kathleen kathryn kathy katie katrina katy katya kay kaye kit kitty trina'),
    ('caterina', 'catherine kate katelin katharine katherine kathleen kathryn katie katrina katy kit kitty'),
    ('cath', 'catharine catherine cathryn catriona kat kate katelin katharine katherine kathleen kathryn kathy katie katrina katy katya kay kaye kit kitty trina'),
    ('catharine', 'cathryn cathy catriona kat kate kath katherine kathleen kathryn kathy katie katrina katy katya kay kaye kit kitty trina'),
    ('catherine', 'cathie cathline cathryn cathy catriona kat kate katelin kath katharine kathleen kathlyn kathryn kathy katie katrina katy katya kay kaye kit kitty trina'),
    ('cathie', 'kate katelin katharine katherine kathleen kathryn katie katrina katy kit kitty'),
    ('cathline', 'kate katelin katharine katherine kathleen kathryn katie katrina katy kit kitty'),
    ('cathryn', 'cathy catriona kat kate kath katharine katherine kathleen kathy katie katrina katy katya kay kaye kit kitty trina'),
    ('cathy', 'catriona kat kate katelin kath katharine katherine kathleen kathryn katie katrina katy katya kay kaye kit kitty trina'),
    ('catriona', 'kat kate katelin kath katharine katherine kathryn kathy katie katrina katy katya kit trina'), ('caz', 'lina'),
    ('cecelia', 'celia cissie'), ('cecilia', 'cecily celia cissie cissy'), ('cecily', 'celia cissy'), ('celia', 'cissie cissy'),
    ('cesca', 'fanny fran frances francesca francine francis frank frankie franny'), ('chantel', 'chantelle'),
    ('char', 'charlie charlotte lotte lottie lotty'), ('charlee', 'charli'), ('charles', 'charlie chas chaz chick chuck karl'),
    ('charley', 'charlie chas chaz chick chuck karl'), ('charlie', 'charlotte chas chaz chick chuck karl lotte lottie lotty'),
    ('charlotte', 'lotte lottie lotty'), ('chas', 'chuck karl'), ('chaz', 'chuck'), ('chelle', 'michelle shell shelly'), ('chelsea', 'chelsie'),
    ('ches', 'chester'), ('chiara', 'clair claire clara clare'), ('chick', 'karl'),
    ('chris', 'chrissie chrissy christabel christian christina christine christopher christos cristoforo kirsten kirsty kit kris kristofer tina topher'),
    ('chrissie', 'chrissy christabel christian christina christine christopher kirsten kirsty kit kris tina'),
    ('chrissy', 'christabel christian christina christine christopher kirsten kirsty kit kris tina'), ('christabel', 'kris'),
    ('christiaan', 'kristian'), ('christian', 'kit kris kristian'), ('christina', 'kirsten kirsty kris kristeen kristen kristin kristine tina'),
    ('christine', 'cristina kirsten kirsty kris kristeen kristen kristin kristine tina'),
    ('christopher', 'christos cristoforo kit kris kristofer topher'), ('christos', 'kris'), ('chuck', 'karl'), ('cilla', 'priscilla prissy'),
    ('cindy', 'cynthia lucie lucile lucille lucinda lucy'), ('clair', 'clara'), ('claire', 'clara'), ('clara', 'clarice clarissa'),
    ('clarice', 'clarissa'), ('claudia', 'claudine'), ('claus', 'cole nicholas nicol nicolas'), ('clem', 'clemence clement'), ('clemence', 'clement'),
    ('cob', 'jacob jakob'), ('cole', 'klaus nic nichalas nicholas nick nicklaas nicklas nicol nicolaas nicolas nicolhas nicolo'),
    ('colin', 'klaus nicholas nick nicky nico nicolas'), ('con', 'cornelius konstantin neil'), ('connie', 'constance'), ('conrad', 'cort'),
    ('constantine', 'konstantin'), ('cora', 'coralie corie'), ('coral', 'coralie corie'), ('coralie', 'corie'), ('cordelia', 'delia'),
    ('cornelius', 'neil'), ('cristina', 'kirsten kristeen kristen kristin kristine tina'), ('cristoforo', 'kris'), ('curt', 'curtis'),
    ('curtis', 'kurt'), ('dai', 'dave davey david davy'), ('daisy', 'margaret'), ('dan', 'danial daniel daniele dannie danny'),
    ('dani', 'daniella danielle danny'), ('danial', 'daniele dannie danny'), ('daniel', 'dannie danny'), ('daniele', 'danny'),
    ('daniella', 'danni danny'), ('danielle', 'danni danny'), ('dannie', 'danny'), ('darcie', 'darcy'), ('dave', 'david'), ('davey', 'david'),
    ('david', 'davy'), ('deanna', 'dee diana diane'), ('deb', 'debbie deborah debra'), ('debbie', 'deborah debra'), ('debby', 'deborah'),
    ('deborah', 'debra'), ('dee', 'diana'), ('del', 'derek'), ('delores', 'lola'), ('den', 'dennis denny'), ('denis', 'denney dennie denny'),
    ('denney', 'dennis'), ('dennie', 'denny'), ('dennis', 'denny denys'), ('denny', 'denys'), ('derek', 'derrick'), ('destiny', 'destynii'),
    ('dick', 'dickie riccardo rich richard richie ricky'), ('dickie', 'rich richard richie rick ricky'), ('dillon', 'dylan'), ('dolf', 'rudi'),
    ('doll', 'dollie dora dorothea dorothy dottie'), ('dollie', 'dolly dora doreen dorie doris dorotea dorothea dorothy dorthie dot dottie'),
    ('dolly', 'dora doreen dorie doris dorotea dorothea dorothy dorthie dot dottie dotty thea'), ('dolores', 'lola'), ('dom', 'dominic nick'),
    ('domenique', 'dominic'), ('don', 'donald donnie'), ('donald', 'donnie'),
    ('dora', 'doreen dorie doris dorotea dorothea dorothy dorthie dot dottie dotty thea theo theodora'), ('doreen', 'dorothea dorothy dottie'),
    ('dorie', 'dorothea dorothy dottie'), ('doris', 'dorothea dorothy dottie'), ('dorotea', 'dorothy dottie'),
    ('dorothea', 'dorothy dorthie dot dottie'), ('dorothy', 'dorthie dot dottie dotty thea'), ('dorthie', 'dottie'), ('dot', 'dottie dotty thea'),
    ('dottie', 'dotty thea'), ('dotty', 'thea'), ('doug', 'dougie douglas'), ('dougie', 'douglas'), ('ean', 'eoin ian'), ('earnest', 'ernie'),
    ('earnie', 'ernest'), ('ed', 'eddie eddy edmund edward edwin edwina ned ted teddy'),
    ('edd', 'eddie eddy edgar edmund eduardo edward edwin ned ted teddie'),
    ('eddie', 'eddy edgar edmond edmund eduardo edw edward edwards edwark edwin edwina ned ted teddy'),
    ('eddy', 'edgar edmond edmund eduardo edw edward edwards edwark edwin ned ted teddie'),
    ('edgar', 'edmond edmund eduardo edw edward edwards edwark edwin ned ted teddie'), ('edie', 'edith'),
    ('edmond', 'eduardo edward edwin ned ted teddie'), ('edmund', 'eduardo edw edwards edwark edwin ned ted teddie teddy'),
    ('eduardo', 'edw edward edwards edwark edwin ned ted teddie'), ('edw', 'edward edwin ned ted teddie'), ('edward', 'edwin ned ted teddie teddy'),
    ('edwards', 'edwin ned ted teddie'), ('edwark', 'edwin ned ted teddie'), ('edwin', 'ned ted teddie'), ('effie', 'effy euphemia'),
    ('effy', 'euphemia'), ('elaine', 'elana eleanor eleanora eleanore leanora lenore leonora nora norah'),
    ('elana', 'eleanor eleanora eleanore leanora lenore leonora nora norah'),
    ('eleanor', 'elinor ella elle ellie leanora lenore leonora nell nellie nora norah'), ('eleanora', 'leonora nora norah'),
    ('eleanore', 'leonora nora norah'), ('elena', 'ellen helen helene nell nellie'), ('eli', 'elias elijah ellis'), ('elias', 'elijah ellis'),
    ('elijah', 'ellis'), ('elinor', 'ella elle ellie lenore leonora nell nellie nora'),
    ('elisa', 'elisabeth elisabetta eliz elizabeth elize elspeth libby lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('elisabeth', 'elisabetta elise elisha elissa eliz eliza elize elsie elspeth isabel libby lilibet lillie lisa lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('elisabetta', 'elise elisha elissa eliza elizabeth elspeth libby lisa'),
    ('elise', 'elisha elissa eliz eliza elizabeth elspeth isabel libby lilibet lillie lisa lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('elisha', 'eliz eliza elizabeth elize elspeth libby lisa lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('elissa', 'eliz eliza elizabeth elize elspeth libby lisa lisbeth lisette liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('eliz', 'elizabeth elspeth libby lisa'),
    ('eliza', 'elizabeth elsie elspeth isabel libby lilibet lillie lisa lisbeth lisette lissa liz lizabeth lizbeth lizzie lizzy lyssa'),
    ('elizabeth', 'elize elsie elspeth libby lilibet lillie lily lisa lisbeth lisette lissa liz liza lizbeth lizzie lizzy lyssa'),
    ('elize', 'elspeth libby lisa'), ('ella', 'ellen ellie elsie elzie isabel isabella isabelle isobel izzie izzy lenore leonora nell nellie nora'),
    ('elle', 'elsa elsie elzie lenore leonora nell nellie nora'), ('ellen', 'elli ellie elly elsa elsie elzie helen helena lena nell nellie'),
    ('elli', 'elsa elsie nell'), ('ellie', 'elly elsa lenore leonora nell nora'), ('ellouise', 'eloise'), ('elly', 'elsa elsie nell'),
    ('elsa', 'elsie elzie nell'), ('elsie', 'elspeth isabel libby lilibet lillie lisa lisbeth liz lizzie lizzy nell'),
    ('elspeth', 'isabel libby lilibet lillie lisa lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'), ('elzie', 'nell'),
    ('em', 'emily emma emmeline emmie millie'), ('ema', 'emelie emeline emilia emilie emily emma emmeline emmie'), ('emanuel', 'emanuelle mannie'),
    ('emanuele', 'emmanuel'), ('emanuelle', 'emmanuel'), ('emelie', 'emilia emily emma emmeline emmie'),
    ('emeline', 'emilia emilie emily emma emmie'), ('emil', 'emilio'), ('emilia', 'emily emma emmeline emmie'),
    ('emilie', 'emily emma emmeline emmie'), ('emily', 'emmeline emmie millie'), ('emma', 'emmie'), ('emmanuel', 'mannie manny'),
    ('emmeline', 'emmie millie'), ('emmie', 'millie'), ('enrico', 'hal hari harold harry henry'), ('eoin', 'eon ian'), ('eon', 'ian'),
    ('ern', 'ernest ernie'), ('ernest', 'ernie'), ('ernie', 'ernst'), ('esme', 'esmerelda'), ('essie', 'ester esther etta ettie hester'),
    ('estelle', 'stella'), ('ester', 'etta ettie'), ('esther', 'etta ettie hester'),
    ('etienne', 'stefan stefano stephan stephen stephene stevan steve steven stiven'),
    ('etta', 'ettie harri harriet harriette henrietta hettie hetty'), ('eugene', 'eugenia eugeniusz eugenusz gene'), ('eustacia', 'stacey'),
    ('eva', 'eve eveline evelyn evie'), ('evan', 'ewen john'), ('evans', 'ewan'), ('eve', 'eveline evelyn evie yvette yvonne'),
    ('eveline', 'evelyn evie'), ('evelyn', 'evie'), ('faith', 'fay'), ('fannie', 'frances francesca francesco francis francisco frank franklin'),
    ('fanny', 'fran frances francesca francesco francine francis francisco frank frankie franklin'),
    ('federico', 'freddie freddy frederich frederick frederikus fredrick friedrich'), ('felicia', 'felicity flick fliss'),
    ('felicity', 'flick fliss'), ('felip', 'philip phillip'), ('felipa', 'filip philip phillip'), ('ferdie', 'ferdinand'),
    ('fifi', 'jo jody josephine josie'), ('filip', 'filippo phil philip philipp philipps phillip phillipp phillipps'), ('filippo', 'philip phillip'),
    ('fiorenza', 'florence florrie'), ('flick', 'fliss'), ('flo', 'flora florence florrie flossie'), ('flora', 'florence florrie flossie'),
    ('florence', 'florrie flossie'), ('florrie', 'flossie'),
    ('fran', 'frances francesca francesco francine francis francisco frankie franklin franny'),
    ('frances', 'francesca francesco francie francine francisco francy frankie franklin franny frans'),
    ('francesca', 'francie francine francy frankie franny'), ('francesco', 'francie francis francy frank franklin frans'),
    ('francie', 'francisco frank franklin'), ('francine', 'francis frank frankie franny'),
    ('francis', 'francisco francy frank frankie franklin franny frans'), ('francisco', 'francy frank franklin frans'), ('francy', 'frank franklin'),
    ('frank', 'frankie franklin franny'), ('frankie', 'franny'), ('franklin', 'frans'),
    ('fred', 'freddie freddy frederic frederick fritz rick wilf wilfred will'), ('freda', 'win winifred winnie'),
    ('freddie', 'freddy frederic frederich frederick frederikus fredrick friedrich fritz rick'),
    ('freddy', 'frederic frederich frederick frederikus fredrick friedrich fritz rick'), ('frederic', 'fritz rick'), ('frederich', 'fredrick'),
    ('frederick', 'frederikus friedrich fritz rick'), ('frederikus', 'fredrick'), ('fredrick', 'friedrich'), ('fritz', 'rick'),
    ('gabbie', 'gabriella gabrielle'), ('gabby', 'gabe gabriel gabriele gabriella gabrielle'), ('gabe', 'gabriel gabriele gabriella gabrielle'),
    ('gabriel', 'gaby gae gai gale'), ('gabriele', 'gae gai gale'), ('gabriella', 'gaby'), ('gabrielle', 'gaby'), ('garrie', 'gary'),
    ('ged', 'gerald gerard gerry jerry'), ('gefery', 'geoffrey jeffrey'), ('geff', 'geoffrey jeffrey'),
    ('genevieve', 'jen jenn jenna jennie jennifer jenny'), ('geof', 'geoffrey jeffrey'), ('geoferry', 'geoffrey jeffrey'),
    ('geoff', 'geoffrey jeff jeffrey'), ('geoffery', 'jeffrey'), ('geoffori', 'geoffrey jeffrey'), ('geoffory', 'geoffrey jeffrey'),
    ('geoffre', 'jeffrey'),
    ('geoffrey', 'godfrey jefery jeff jefferey jefferie jeffery jefforey jeffory jeffre jeffree jeffrey jeffreys jeffries jeffry jeof'),
    ('geoffry', 'jeffrey'), ('geofrey', 'jeffrey'), ('george', 'giorgio jeorje'), ('georgette', 'georgia georgina'), ('georgia', 'georgiana gina'),
    ('georgiana', 'georgie gina'), ('georgie', 'georgina gina'), ('georgina', 'gina'), ('gerald', 'gerry jerry'), ('geraldine', 'gerard'),
    ('geramy', 'jeremy jerome'), ('gerard', 'gerry giraldo jerry'), ('gertie', 'gertrude trudy'), ('gertrude', 'trudy'), ('giacobo', 'jacob jakob'),
    ('giacomo', 'jacob jakob'), ('gil', 'gilbert'), ('gillian', 'jill jules'), ('ginger', 'ginny virginia'), ('ginny', 'virginia'),
    ('giorgia', 'jorja'), ('giorgio', 'jeorje'),
    ('giovanna', 'jan jane janelle janet janette janice janiece janine janis janne jannette jeanette jeanne'),
    ('giovanni', 'jac jack jacques jak jaques john johnni johnnie johnny'), ('giulia', 'giulietta julia juliana julie juliet julietta july'),
    ('giulietta', 'julia juliana julie juliet'), ('giuseppa', 'josephine'), ('giuseppe', 'joe joey josef joseph'), ('giuseppi', 'james jamie'),
    ('gniel', 'neil'), ('godfrey', 'jeffrey'), ('greg', 'gregory'), ('gregg', 'gregory'), ('gregorie', 'gregory'), ('gregorio', 'gregory'),
    ('gregorius', 'gregory'),
    ('greta', 'madge maggi maggie mags maisie marg margaret margareta margarita marge margery margie margo margorie margot marguerita marguerite margurita marj marjorey marjorie marjory meg miriam peg peggie peggy rita'),
    ('gretal', 'maggie maisie margaret margo margot meg miriam peggy'), ('gualtiero', 'walter'), ('gus', 'gussie'),
    ('gwen', 'gwenda gwendaline gwendolen gwendoline gwendolyn gwendolyne gwyneth'), ('gwenda', 'gwendolyn'), ('gwendaline', 'gwendolyn'),
    ('gwendolen', 'gwendoline gwyneth'), ('gwendoline', 'gwendolyn gwyneth'), ('hal', 'hank hari harold harrie harry henry'), ('hanah', 'hanna'),
    ('hank', 'hari harold harry henry'), ('hannah', 'johanna'), ('hari', 'harold harrie harry henry'), ('harold', 'harrie harry henry'),
    ('harri', 'harriet harriette hattie'), ('harrie', 'harry henry'), ('harriet', 'harriette hattie hendrika henrietta henriette hettie hetty'),
    ('harriette', 'hattie'), ('harry', 'henry'), ('hattie', 'hendrika henrietta henriette hetty'), ('helen', 'lena nell nellie'),
    ('helena', 'lena nell nellie'), ('hendrika', 'henrietta hettie hetty'), ('henrietta', 'hettie hetty'), ('henriette', 'hettie hetty'),
    ('herb', 'herbert herbie'), ('herbert', 'herbie'), ('hettie', 'hetty'), ('hollie', 'holly'), ('hubert', 'huey hugh hughey hughie hugo uberto'),
    ('huey', 'hugh hughey hughie hugo uberto'), ('hugh', 'hughey hughie huw uberto'), ('hughey', 'hughie hugo'), ('hughie', 'hugo huw uberto'),
    ('hugo', 'huw uberto'), ('humph', 'humphrey'), ('iacovo', 'jacob jakob'), ('ian', 'sean'), ('iggy', 'ignatius'), ('ike', 'isaac'),
    ('immie', 'immy imogen'), ('immy', 'imogen'), ('india', 'indiana'), ('irene', 'rena'), ('isaac', 'zac'),
    ('isabel', 'isabella isabelle isobelle izzie izzy libby lilibet lillie lisa lisbeth liz lizzie lizzy'),
    ('isabella', 'isobel isobelle izzie izzy'), ('isabelle', 'isobel izzie izzy'), ('isidore', 'izzy'), ('isobel', 'isobelle izzie izzy'),
    ('ivan', 'john'), ('izzie', 'izzy'), ('jac', 'jack jacques jak jaques john johnni johnnie johnny'),
    ('jack', 'jackie jacques jak jaques john johnni johnnie johnny'), ('jackie', 'jacky jacqueline jacqui jock john johnny'),
    ('jacky', 'jacqueline jacqui'), ('jacob', 'jacobie jake jekabs'), ('jacobe', 'jakob'), ('jacobie', 'jakob'), ('jacobs', 'jakob'),
    ('jacoby', 'jake'), ('jacqueline', 'jacqui'), ('jacques', 'jak john johnni johnnie johnny'), ('jai', 'jaiden'),
    ('jak', 'jaques john johnni johnnie johnny'), ('jakob', 'jekabs'), ('james', 'jamie jas jem jim jimmie jimmy'),
    ('jamie', 'jas jem jim jimmie jimmy'), ('jan', 'janelle janet janette janey janice janie janiece janine janis janne jannette jeanette jeanne'),
    ('jane', 'janelle janette janice janiece janine janis jannette jeanette jeanne jennie'),
    ('janelle', 'janet janette janice janiece janine janis janne jannette jeanette jeanne'),
    ('janet', 'janette janice janie janiece janine janis janne jannette jeanette jeanne jennie'), ('janey', 'janie jennie'), ('janie', 'jennie'),
    ('jaques', 'john johnny'), ('jared', 'jarrod'), ('jas', 'jasmine jaz jazz yasmin'), ('jasmine', 'jasmyn jaz jazz yasmin'), ('jason', 'jay'),
    ('jayme', 'jemima'), ('jaz', 'jazz yasmin'), ('jazz', 'yasmin'), ('jed', 'jett'), ('jefery', 'jeffrey'), ('jeff', 'jeffrey'),
    ('jefferie', 'jeffrey'), ('jeffory', 'jeffrey'), ('jeffrey', 'jeffries jeof'), ('jem', 'jeremiah jeremy jerry jim jimmie jimmy'),
    ('jen', 'jenna jennie jennifer jenny'), ('jenn', 'jennifer'), ('jenna', 'jennie jennifer'), ('jennie', 'jennifer jenny'), ('jennifer', 'jenny'),
    ('jeremiah', 'jeremy jerry'), ('jeremy', 'jerome jerry'), ('jess', 'jessica jessie'), ('jessica', 'jessie'), ('jill', 'jules julia'),
    ('jim', 'jimmie jimmy'), ('jimmie', 'jimmy'), ('jo', 'joan joanie joanna joanne jody joe joey johanna jos joseph josephine josie'),
    ('joan', 'joanie joe johanna'), ('joanie', 'joanna joe johanna'), ('joanna', 'joe johan'), ('joanne', 'joe johan johanna'), ('jocelyn', 'joyce'),
    ('jock', 'john johnny'), ('jody', 'josephine josie'), ('joe', 'joey johanna joie jos josef joseph joszef yusuf'),
    ('joey', 'joie jos josef joseph joszef yusuf'), ('john', 'johnni johnnie johnny jon jonny sean'), ('johnathan', 'jon jonah jonathon jonny'),
    ('johnathon', 'jon jonah jonathan jonny'), ('johnnie', 'johnny'), ('johnny', 'jon jonathan'), ('joie', 'josef joseph'),
    ('jon', 'jonah jonathan jonathon jonny'), ('jonah', 'jonathan jonathon jonny'), ('jonathan', 'jonny'), ('jonathon', 'jonny'),
    ('jos', 'josef joseph yusuf'), ('josef', 'joseph'), ('joseph', 'joszef yusuf'), ('josephine', 'josie'), ('josh', 'joshua'), ('joy', 'joyce'),
    ('jude', 'judith'), ('judi', 'judith'), ('judith', 'judy'), ('jule', 'julian julius'),
    ('jules', 'julia julian julie juliet juliette julio julius'), ('julia', 'juliana julietta juliette july'), ('julian', 'julio julius'),
    ('juliana', 'julie juliet julietta july'), ('julie', 'julietta july'), ('juliet', 'julietta juliette july'), ('julio', 'julius'),
    ('jus', 'justin justine'), ('kaela', 'kelly'), ('kailey', 'kelly'), ('kalli', 'kelly'), ('kara', 'karen karin karina'), ('karen', 'karina'),
    ('karla', 'karlee'), ('kat', 'kate kath katharine katherine kathleen kathryn kathy katie katrina katy katya kay kaye kit kitty trina'),
    ('kate', 'katelin katharine katherine kathleen kathlyn kathryn kathy katrina katya kay kit kitty trina'),
    ('katelin', 'kath katharine katherine kathleen kathlyn kathryn kathy katie katrina katy kay kaye kit kitty'),
    ('kath', 'katharine katherine kathleen kathryn katie katrina katya kay kaye kit kitty trina'),
    ('katharine', 'kathleen kathlyn kathryn kathy katie katrina katy katya kay kaye kit kitty trina'),
    ('katherine', 'kathleen kathlyn kathryn kathy katie katrina katy katya kay kaye kit kitty trina'),
    ('kathleen', 'kathlyn kathryn kathy katie katy katya kay kaye kit kitty trina'), ('kathlyn', 'katie katrina katy kit kitty'),
    ('kathryn', 'kathy katie katrina katy katya kay kaye kit kitty trina'), ('kathy', 'katie katrina katya kay kaye kit kitty trina'),
    ('katie', 'katrina katy katya kay kaye kit kitty trina'), ('katrina', 'katy katya kay kaye kit kitty trina'),
    ('katy', 'kay kaye kit kitty trina'), ('katya', 'kay kaye kit kitty trina'), ('kay', 'kaye kit kitty trina'), ('kaye', 'kit kitty trina'),
    ('kayla', 'kayley koula kyah'), ('kayley', 'koula kyah'), ('keeley', 'keelin'), ('keli', 'kelly'), ('kelsea', 'kelsy'), ('ken', 'kenneth kenny'),
    ('kenneth', 'kenny'), ('kiara', 'kierra kiria kirrah kyra kyrah kyrra'), ('kiera', 'kiria kirrah kyra kyrah kyrra'),
    ('kierra', 'kira kyra kyrah'), ('kim', 'kimberley kimberly kimmy'), ('kimberley', 'kimbley kimmy'), ('kimberly', 'kimbley kimmy'),
    ('kira', 'kirrah kyrah kyrra'), ('kiria', 'kyra kyrah'), ('kirra', 'kyra kyrah'), ('kirrah', 'kyra kyrah'),
    ('kirsten', 'kirsty kris kristeen kristin kristine tina'), ('kirsty', 'kris tina'), ('kit', 'kitty kris topher trina'), ('kitty', 'trina'),
    ('klaus', 'nicholas nick nicky nico nicol nicolas'), ('kris', 'kristofer tina topher'), ('kristeen', 'tina'), ('kristen', 'tina'),
    ('kristin', 'tina'), ('kristine', 'tina'), ('kyrah', 'kyrra'), ('lahey', 'lea leah lee'), ('lance', 'lancelot'),
    ('lannie', 'laurence laurie lawrence'), ('lara', 'laurel lauren loren lorenza'), ('larry', 'laurence laurie lawrence'),
    ('lars', 'laurence laurie lawrence'), ('lary', 'laurence laurie lawrence'), ('laura', 'laurel lauren laurie loren lorenza lori loz'),
    ('laurance', 'laurie lawrence'), ('laurel', 'loren lorenza'), ('lauren', 'laurie loren lorenza lori loz'),
    ('laurence', 'laurens laurenz laurie lawrie lawry lorence lorenz lorrie'), ('laurens', 'laurie lawrence'), ('laurenz', 'laurie lawrence'),
    ('laurie', 'lawrence lawry lorence lorenz lori lorrie lourence loz'), ('lawrence', 'lawrie lawry lorence lorenz lorrie lourence'),
    ('layla', 'leila leilia lela lila'), ('lea', 'leah lee'), ('leah', 'lee'), ('leanora', 'nora norah'), ('lee', 'leigh'), ('leilia', 'lila'),
    ('len', 'lennie lenny leo leon leonard leonardo'), ('lena', 'magda magdalena nell nellie'), ('lenard', 'lennie lenny leo leon leonardo'),
    ('lenn', 'lennie leo leonard leonardo'), ('lennard', 'lennie lenny leo leon leonardo'), ('lennie', 'lenny leo leon leonard leonardo leonhard'),
    ('lenny', 'leo leon leonard leonardo leonhard'), ('lenore', 'leonora nell nellie nora norah'), ('leo', 'leon leonard leonardo leonhard'),
    ('leon', 'leonard leonardo leonhard'), ('leonardo', 'leonhard'), ('leonora', 'nell nellie nora norah'), ('leroy', 'roi'),
    ('leticia', 'letta lettice lettitia letty'), ('lettie', 'vi violet'), ('lew', 'lewis lou loui louie louis'),
    ('lewis', 'lodovico lou loui louie louis ludwig luigi'), ('lex', 'lexi sacha sandra sandy sasha xander'),
    ('lexi', 'sacha sandra sandy sasha xander'), ('lia', 'lil lili lilian lillian lillianna lillie lilly lily'), ('liam', 'will william wills willy'),
    ('libby', 'lilibet lillie lisa lisbeth lisette lissa liz liza lizabeth lizbeth lizzie lizzy lyssa'),
    ('lic', 'luc luca lucas lucian luka lukas luke'), ('lil', 'lili lilian lillian lillie lilly lily'),
    ('lili', 'lilian lillian lillianna lillie lilly'), ('lilian', 'lillianna lillie lilly lily'), ('lilibet', 'lillie lisa lisbeth liz lizzie lizzy'),
    ('lillian', 'lillianna lillie lilly lily'), ('lillianna', 'lillie lilly lily'), ('lillie', 'lilly lily lisa lisbeth liz lizzie lizzy'),
    ('linda', 'lydie'), ('lisa', 'lisbeth lisette liz lizabeth lizbeth lizzie lizzy lyssa'), ('lisbeth', 'liz lizzie lizzy'),
    ('lissa', 'mel melissa'), ('liv', 'livvy olive olivia ollie'), ('livia', 'livvie olive olivi'), ('livvie', 'olive olivia'),
    ('livvy', 'olive olivia ollie'), ('liz', 'lizzie lizzy'), ('lizzie', 'lizzy'), ('lodovico', 'loui louis'), ('lois', 'louisa louise luisa luise'),
    ('lori', 'loz'), ('lottie', 'lotty'), ('lou', 'loui louie louis louisa louise lulu'), ('loui', 'ludwig luigi'), ('louis', 'ludwig luigi'),
    ('louisa', 'luise lulu'), ('louise', 'luisa lulu'), ('lu', 'lucia lucille lucy'), ('luc', 'luca lucas lucian luka lukas luke'),
    ('luca', 'lucian lukas luke'), ('lucas', 'lucian luka luke'), ('lucia', 'lucille lucy'), ('lucian', 'luka lukas luke'), ('lucie', 'lucille lucy'),
    ('lucile', 'lucy'), ('lucille', 'lucy'), ('lucinda', 'lucy'), ('lukas', 'luke'), ('lyddie', 'lydia'), ('madalyn', 'maddy madeleine madeline'),
    ('maddie', 'maddy madeleine madeline madison mads'), ('maddison', 'madisen'),
    ('maddy', 'madelaine madeleine madelina madeline madison mads magda maud'), ('madeleine', 'madelina madison mads magda maud'),
    ('madeline', 'madison mads magda maud'), ('madge', 'maggie mags maisie margaret margery margie margo margot marjorie meg miriam peggy rita'),
    ('madison', 'mads'), ('mae', 'mamie maria mariah marie mary maryam maureen may minnie miriam moll molly polly'), ('magda', 'magdalena'),
    ('maggi', 'maisie margaret margo margot meg miriam peggy'),
    ('maggie', 'mags maisie marg margaret margareta margarita marge margery margo margorie margot marguerita marguerite margurita marj marjorey marjorie marjory meg megan miriam peg peggie peggy reta rita'),
    ('mags', 'maisie margaret marge margery margie margot marjorie meg megan peggy rita'),
    ('maisie', 'marg margaret margareta margarita marge margery margie margo margorie margot marguerita marguerite margurita marj marjorey marjorie marjory meg miriam peg peggie peggy reta rita'),
    ('mal', 'malcolm'), ('mame', 'maria marie mary'), ('mamie', 'maria mariah mary maryam maureen may minnie miriam moll molly polly'),
    ('mandy', 'miranda randa'), ('marc', 'marcus'), ('marcella', 'marcia marcie'), ('marco', 'mark'), ('marcus', 'mark'), ('maree', 'maria mary'),
    ('marg', 'margaret margot meg miriam peggy'),
    ('margaret', 'margarita marge margery margie margo margorie margot marguerita marguerite margurita marj marjorey marjorie marjory meg megan miriam pearl peg peggie peggy reta rita'),
    ('margareta', 'margo margot meg miriam peggy'), ('margarita', 'margo margot meg miriam peggy'),
    ('marge', 'margery margot marjorie meg megan miriam peggy rita'), ('margery', 'margie margo margot marjorie meg miriam peggy rita'),
    ('margie', 'margo margot marjorie meg megan miriam peggy rita'),
    ('margo', 'margorie marguerita marguerite margurita marj marjorey marjorie marjory meg miriam peg peggie peggy reta'),
    ('margorie', 'margot meg miriam peggy'),
    ('margot', 'marguerita marguerite margurita marj marjorey marjorie marjory meg miriam peg peggie peggy reta rita'),
    ('marguerita', 'meg miriam peggy'), ('marguerite', 'meg miriam peggy'), ('margurita', 'meg miriam peggy'),
    ('maria', 'mary maryam maureen may minnie miriam moira moll moyra polly'),
    ('mariah', 'marie mary maryam maureen may minnie miriam moll molly polly'), ('marian', 'marianna marianne'),
    ('mariana', 'marianne marien marijan marion'), ('marianna', 'marien marijan marion'), ('marianne', 'marien marijan marion'),
    ('marie', 'mary marya maryam maureen may minnie miriam moira moll molly moyra polly'), ('marj', 'meg miriam peggy'),
    ('marjorey', 'meg miriam peggy'), ('marjorie', 'meg miriam peggy rita'), ('marjory', 'meg miriam peggy'), ('marlee', 'marleigh'),
    ('marta', 'martie'), ('martha', 'martie marty mattie'), ('martin', 'marty'), ('martina', 'marty tina'), ('marty', 'mattie tina'),
    ('mary', 'maryam maureen may minnie miriam moira moll molly moyra polly'), ('maryam', 'maureen may minnie miriam moll'),
    ('mat', 'mathew mathias matt matteo matthew matty'), ('matheus', 'mathew mathias matt matteo matthew'),
    ('mathew', 'mathias matt matteo mattheus'), ('mathews', 'mathias matt matteo matthew'), ('mathias', 'matt matteo mattheus matthew'),
    ('mathilda', 'mattie tilda tillie tillis tilly'), ('mathilde', 'matilda tillie tillis'), ('matilda', 'tilda tillie tillis tilly'),
    ('matt', 'matteo mattheus matthew'), ('matteo', 'mattheus matthew'), ('mattheus', 'matthew'), ('matthew', 'matty'),
    ('mattie', 'tilda tillie tilly'), ('maureen', 'may minnie miriam moll molly polly'), ('maurice', 'mo morris'),
    ('max', 'maxim maximilian maximillan maxwell'), ('maxim', 'maximilian maximillan maxwell'), ('maximilian', 'maxwell'), ('maximillan', 'maxwell'),
    ('may', 'minnie miriam moll molly polly'), ('meagan', 'meghan'), ('meg', 'megan miriam peg peggie peggy reta rita'), ('megan', 'peggy'),
    ('mel', 'melanie melissa'), ('mercedes', 'mercy sadie'), ('mercy', 'sadie'), ('mere', 'meredith'), ('meredith', 'merry'),
    ('mia', 'millie milly mya'), ('mica', 'michael mike'), ('micaela', 'mikayla'), ('micah', 'michael mike'),
    ('michael', 'mick mickey micky mike mikey'), ('michaela', 'mikaela mikayla mikhaili'), ('michelle', 'shell shelly'),
    ('mick', 'mickey mike mikey'), ('mickey', 'mike'), ('micky', 'mike mikey'), ('mikaela', 'mikhaili'), ('mikayla', 'mikhaili'),
    ('mildred', 'millie'), ('millicent', 'millie milly'), ('millie', 'milly'), ('mina', 'minnie wilhelmina willa'), ('mindy', 'minnie'),
    ('minnie', 'miriam moll molly polly vilma wilhelmina willa'), ('miranda', 'randa'), ('miriam', 'moll molly peg peggie peggy polly reta'),
    ('mo', 'mohamed mohammad mohammed morris muhammad'), ('mohamed', 'mohammad muhammad'), ('mohammed', 'muhammad'), ('moll', 'polly'),
    ('mollie', 'molly moly'), ('monic', 'monique'), ('montague', 'monty'), ('nan', 'nancy'),
    ('nat', 'natalia natalie natasha nate nathalie nathan nathaniel tasha'), ('natalee', 'natalia'), ('natalie', 'nathalia'),
    ('natasha', 'nathasa tasha'), ('nate', 'nathan nathaniel'), ('nathalie', 'tasha'), ('nathan', 'nathaniel'), ('neale', 'neil'),
    ('ned', 'ted teddie teddy'), ('neil', 'niels'), ('nell', 'nellie nora pen penelope penny'), ('nellie', 'nora'), ('ness', 'nessie vanessa'),
    ('nessa', 'nessie vanessa'), ('nessi', 'vanessa'), ('nessie', 'vanessa'), ('nev', 'neville'),
    ('nic', 'nicholas nicky nicol nicola nicolas nicole nikki'), ('nichalas', 'nicol nicolas'), ('nichola', 'nicole nikki'),
    ('nicholas', 'nick nicklaas nicklas nicky nico nicol nicolaas nicolhas nicolo'), ('nichole', 'nicola nikki'), ('nick', 'nicol nicolas'),
    ('nicklaas', 'nicol nicolas'), ('nicklas', 'nicol'), ('nicky', 'nico nicola nicolas nicole nikki'), ('nico', 'nicolas'),
    ('nicol', 'nicolaas nicolas nicolhas'), ('nicola', 'nikki'), ('nicolas', 'nicolo'), ('nicole', 'nikki'), ('noel', 'noelland nolan'),
    ('noeleen', 'noelle'), ('noelene', 'noelle'), ('noelland', 'nolan'), ('noll', 'oliver ollie olly'), ('norm', 'norman'),
    ('oli', 'olie oliver ollie'), ('olie', 'oliver'), ('olive', 'ollie'), ('oliver', 'ollie olly'), ('olivia', 'ollie'), ('ollie', 'olly'),
    ('orlando', 'roalan roland rolland rollie rollo rolly'), ('oscar', 'ossie ozzie'), ('ossie', 'oswald oz ozzie ozzy'), ('oswald', 'oz ozzy'),
    ('oz', 'ozzy'), ('pablo', 'paul'), ('paddy', 'padraig pat patrick rick'), ('padraig', 'pat patrick rick'), ('pam', 'pamela'),
    ('paolina', 'paula'), ('pat', 'patricia patrick patsy patty rick tricia trish trisha'), ('patricia', 'patsy pattie patty tricia trish trisha'),
    ('patrick', 'rick'), ('patsy', 'pattie tricia trish trisha'), ('patty', 'tricia trish trisha'), ('pauline', 'polly'), ('pearl', 'pearlie'),
    ('pedro', 'perre pete petee peter pieter'), ('peg', 'peggy'), ('peggie', 'peggy'), ('peggy', 'reta rita'), ('pen', 'penelope penny'),
    ('penelope', 'penny'), ('perc', 'percival'), ('perceval', 'percy'), ('percival', 'percy'), ('perre', 'peter'), ('pet', 'petra'),
    ('peter', 'petro piedro'), ('phil', 'philip philippa phillip phillippa pip pippa'), ('philip', 'philipps phillipp phillipps pip'),
    ('philipp', 'phillip'), ('philippa', 'pip pippa'), ('philipps', 'phillip'), ('phillip', 'phillipps pip'), ('phillippa', 'pip pippa'),
    ('pip', 'pippa'), ('polly', 'pollyanna'), ('priscilla', 'prissy'), ('pru', 'prudence'), ('rach', 'rachel rae'), ('rachael', 'raquel raquelle'),
    ('rachel', 'rae raquel raquelle'),
    ('rae', 'raemonde raman ramie ramon ramond ray raye raymand raymen rayment raymon raymond raymonde raymont raymund rey'),
    ('raemonde', 'ray raymond rey'), ('rafe', 'ralph'), ('ralph', 'raoul'), ('raman', 'ray raymond rey'), ('ramie', 'ray raymond rey'),
    ('ramon', 'ray raymond rey'), ('ramond', 'ray rey'), ('ray', 'raye raymand raymen rayment raymon raymond raymonde raymont raymund rey'),
    ('raye', 'raymond rey'), ('raymand', 'rey'), ('raymen', 'raymond rey'), ('rayment', 'raymond rey'), ('raymon', 'rey'), ('raymond', 'rey'),
    ('raymonde', 'rey'), ('raymont', 'rey'), ('raymund', 'rey'), ('rebecca', 'rebekah'), ('reg', 'reggie reginald'),
    ('reggie', 'regginald reginal reginald reginold regional reinald renato rheinholdt rignold'), ('reginald', 'regional renato rheinholdt rignold'),
    ('reich', 'riccardo richard richie'), ('renata', 'renee'), ('rhi', 'rhiannon'), ('ricard', 'riccardo richie'),
    ('riccardo', 'rich richard richards richerd richie rick ritch ritchad ritchard'), ('rich', 'richard richie ricky'),
    ('richard', 'richie rick ricky ritch ritchad'), ('richards', 'richie'), ('richerd', 'richie'), ('richie', 'rick ricky ritch ritchad ritchard'),
    ('rick', 'rod roddy roderick'), ('ro', 'rowena'), ('roalan', 'roland'), ('rob', 'robbie robert roberto robin'), ('robb', 'robbie robert roberto'),
    ('robbie', 'robby robert roberta roberto robin robt robyn'), ('robby', 'robert roberto'), ('robert', 'robin robt'), ('roberta', 'robyn'),
    ('roberto', 'robt'), ('robin', 'robyne'), ('rod', 'roddy roderick rodney'), ('roddy', 'roderick'), ('rodge', 'roger'),
    ('roland', 'rollie rollo rolly'), ('rolly', 'rowland'), ('rolph', 'rudi'), ('ron', 'ronald ronnie vera veronica'),
    ('ronald', 'ronie ronney ronnie'), ('ronney', 'ronnie'), ('ronnie', 'vera veronica'),
    ('ros', 'rosalie rosalind rosaline rosamund rosanna rose rosemary rosie roz'),
    ('rosa', 'rosalie rosalind rosalinda rosalyn rosamond rosamund roseanna rosehannah roseline rosetta rosie rosina rositta'),
    ('rosalie', 'rosalind rosalinda rosalyn rosamond rose roseanna rosehannah roseline rosetta rosie rosina rositta roz'),
    ('rosalind', 'rosalyn rosamond rose roseanna rosehannah roseline rosetta rosie rosina rositta roz'), ('rosalinda', 'rose roseanna rosie rosina'),
    ('rosaline', 'rosamund rosanna rose rosemary rosie roz'), ('rosalyn', 'rose roseanna rosie rosina'), ('rosamond', 'rose roseanna rosie rosina'),
    ('rosamund', 'rose roseanna rosie rosina roz'), ('rosanna', 'rose rosie roz'),
    ('rose', 'roseanna rosehannah roseline rosemary rosetta rosina rositta roz'), ('roseanna', 'rosehannah roseline rosetta rosie rosina rositta'),
    ('rosehannah', 'rosie rosina'), ('roseline', 'rosie rosina'), ('rosemarie', 'rosemary'), ('rosemary', 'rosie roz'), ('rosetta', 'rosie rosina'),
    ('rosie', 'rosina rositta roz'), ('rosina', 'rositta'), ('ru', 'rupert'), ('rubie', 'ruby'), ('rud', 'rudi'), ('ruddy', 'rudi'),
    ('rudi', 'rudolf rudolfo rudolph'), ('russ', 'russell'), ('russell', 'russyl'), ('ruth', 'ruthie'), ('saara', 'sadie sarah zara zarah'),
    ('sacha', 'sandra sandy xander'), ('sadie', 'sal sally sara sarah zara zarah'), ('sal', 'sally sara sarah'), ('sally', 'sara sarah'),
    ('sam', 'samantha samie sammie sammy samual samuel'), ('samantha', 'sammie sammy'), ('samie', 'sammy samual samuel'), ('sammie', 'sammy'),
    ('sammy', 'samual samuel'), ('sana', 'shena shenae'), ('sandie', 'sandra'), ('sandra', 'sandy sasha'), ('sandy', 'sasha xander'),
    ('sara', 'zarah'), ('sarah', 'zara'), ('sasha', 'xander'), ('saul', 'sol'), ('schkirra', 'shakira'), ('seanna', 'sienna'), ('seb', 'sebastian'),
    ('shane', 'shaun shawn'), ('si', 'simeon simon'), ('sid', 'siddney sidney syd sydenham sydmin sydney'), ('sidney', 'syd sydenham sydmin'),
    ('silvia', 'sylvie'), ('sky', 'skye'), ('sofia', 'sophie'), ('sofie', 'sophie'), ('sol', 'solomon'), ('soph', 'sophia sophie'),
    ('stan', 'stanley'), ('ste', 'stephen steve steven stevie'), ('stefan', 'stephan stephen stephene steve steven stiven'),
    ('stefanie', 'stephanie'), ('stefano', 'stephen steve steven'), ('steph', 'stephanie stevie'), ('stephan', 'steve steven'),
    ('stephanie', 'stevie'), ('stephen', 'stevan steve steven stevie stiven'), ('stephene', 'steve steven'), ('stevan', 'steve'), ('steve', 'stiven'),
    ('steven', 'stevie'), ('stew', 'stuart'), ('steward', 'stuart'), ('stewart', 'stuart'),
    ('sue', 'suki susan susanna susannah susie suzanne suzie'), ('suki', 'susan susanna susannah susie suzanne suzie'),
    ('susan', 'susanna susannah suse susie suzanne suzie'), ('susanna', 'suse susie suzanne suzie'), ('susannah', 'susie suzanne suzie'),
    ('susie', 'suzanne'), ('suzanne', 'suzie'), ('syd', 'sydney'), ('taalia', 'taliah'), ('tabby', 'tabitha'), ('tad', 'thad thaddeus'),
    ('tam', 'tamara tammy tamsin thomas tom tomasz tommie tommy'), ('tamara', 'tammie tammy tamsin'), ('tammie', 'tammy'), ('tammy', 'tamsin'),
    ('tayla', 'taylor tylah'), ('taylah', 'taylor'), ('taylor', 'tylah'), ('ted', 'teddie teddy theo theodore'), ('teddy', 'theo theodore'),
    ('terence', 'terrance terrens terry'), ('teresa', 'terry tess tessa therese tracie'), ('terrence', 'terry'), ('terry', 'tess tessa theresa'),
    ('tess', 'theresa therese tracie'), ('tessa', 'theresa therese tracie'), ('thad', 'thaddeus'), ('thea', 'theodora'),
    ('theo', 'theodor theodora theodore theodorius theodorus theodourus theofilos'), ('theodor', 'theodorius theodorus theodourus theofilos'),
    ('theodore', 'theodorius theodorus theodourus theofilos'), ('theresa', 'tracie'), ('thomas', 'tom tomasco tomasz tommie tommy'),
    ('tia', 'tiahana tianna'), ('tiahana', 'tianna'), ('tiff', 'tiffany'), ('tilda', 'tillie tilly'), ('tillie', 'tilly'), ('tim', 'timmy timothy'),
    ('timmy', 'timothy'), ('tobe', 'tobias'), ('tobias', 'tobie toby'), ('tobie', 'toby'), ('tod', 'todd'), ('tom', 'tomasco tomasz tommie tommy'),
    ('tomasco', 'tomasz tommie tommy'), ('tomasz', 'tommie tommy'), ('tommie', 'tommy'), ('tori', 'vic vicki vicky victoria'),
    ('tory', 'vic vicki vicky victoria'), ('traver', 'travis'), ('tricia', 'trish trisha'), ('ursie', 'ursula'), ('val', 'valentine valeria valerie'),
    ('valda', 'valentin'), ('vera', 'veronica'), ('vi', 'violet'), ('vic', 'vicki vicky victor victoria'), ('vicki', 'victoria'),
    ('vickie', 'victoria'), ('vicky', 'victoria'), ('victoria', 'vikki'), ('vin', 'vince vincent vinny'), ('vince', 'vincent vinny'),
    ('vincent', 'vinny'), ('viv', 'vivian vivien vivienne'), ('vivian', 'vivianne vivienne'), ('vivianne', 'vivien'), ('vivien', 'vivienne'),
    ('wally', 'walt walter wat'), ('walt', 'walter wat'), ('walter', 'wat'), ('wanda', 'wendy'), ('wes', 'wesley'), ('wesley', 'wess westleigh'),
    ('wil', 'will willem william'), ('wiley', 'will willem william'), ('wilf', 'wilfred'), ('wilfred', 'will'), ('wilheim', 'will willem william'),
    ('wilhelm', 'will willem william'), ('wilhelmina', 'willa'), ('wilie', 'will willem william'), ('will', 'willem william'),
    ('willem', 'willi william'), ('willi', 'william'), ('william', 'wills willy'), ('win', 'winifred winnie'), ('winifred', 'winnie'),
    ('yvette', 'yvonne'), ('zac', 'zach zachariah zachary zack zak'), ('zach', 'zachariah zachary zak'), ('zachariah', 'zachary zack zak'),
    ('zachary', 'zack zak'), ('zack', 'zak'), ('zo', 'zoe')
) p (name, variants), string_to_table(p.variants, ' ') v (variant);

-- A change counts in every session from its commit on, and never within a batch.
CREATE FUNCTION contactpoint._name_variant_lock() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM contactpoint._lock_matching();
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION contactpoint._name_variant_lock() IS 'variants change under the matching lock';
CREATE TRIGGER name_variant_lock BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON contactpoint.name_variant
    FOR EACH STATEMENT EXECUTE FUNCTION contactpoint._name_variant_lock();
ALTER TABLE contactpoint.name_variant ENABLE ALWAYS TRIGGER name_variant_lock;
COMMENT ON TRIGGER name_variant_lock ON contactpoint.name_variant IS 'variants change under the matching lock';
CREATE TRIGGER name_variant_told AFTER INSERT OR UPDATE OR DELETE ON contactpoint.name_variant
    FOR EACH ROW EXECUTE FUNCTION contactpoint._tell_sessions();
ALTER TABLE contactpoint.name_variant ENABLE ALWAYS TRIGGER name_variant_told;
COMMENT ON TRIGGER name_variant_told ON contactpoint.name_variant IS 'makes every session read the table anew';

-- The pair in the order in which it is stored.
CREATE FUNCTION contactpoint._name_pair(INOUT name text, INOUT variant text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one text COLLATE "C" := contactpoint._normalize_name(contactpoint._check_text('name', name, 50));
    other text COLLATE "C" := contactpoint._normalize_name(contactpoint._check_text('variant', variant, 50));
BEGIN
    IF one = '' OR other = '' OR one ~ ' ' OR other ~ ' ' THEN
        RAISE EXCEPTION 'a variant is a pair of single given names'
            USING ERRCODE = 'KC010', HINT = 'Give one word each, without second names.';
    END IF;
    IF one = other THEN
        RAISE EXCEPTION 'these are one name already'
            USING ERRCODE = 'KC010', HINT = 'Case, accents and apostrophes make no difference to the matcher.';
    END IF;
    name := least(one, other);
    variant := greatest(one, other);
END
$$;
COMMENT ON FUNCTION contactpoint._name_pair(text, text) IS 'two names in normal form and in order; an error if they are no pair';

CREATE FUNCTION contactpoint._do_add_name_variant(name text, variant text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pair record;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_admin');
    pair := contactpoint._name_pair(name, variant);
    PERFORM contactpoint._lock_matching();
    DELETE FROM contactpoint.name_variant n
    WHERE n.name = pair.name AND n.variant = pair.variant AND NOT n.shipped AND NOT n.counts;
    IF FOUND THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT FROM contactpoint.name_variant n WHERE n.name = pair.name AND n.variant = pair.variant) THEN
        RETURN false;
    END IF;
    -- every comparison of the name looks through the list
    IF EXISTS (SELECT FROM unnest(ARRAY[pair.name, pair.variant]) w (word)
               WHERE (SELECT count(*) FROM contactpoint.name_variant n WHERE w.word IN (n.name, n.variant)) >= 100) THEN
        RAISE EXCEPTION 'one of the names has 100 variants already'
            USING ERRCODE = 'KC010', HINT = 'Remove one that is not in use first.';
    END IF;
    INSERT INTO contactpoint.name_variant (name, variant) VALUES (pair.name, pair.variant);
    RETURN true;
END
$$;
CREATE FUNCTION contactpoint.add_name_variant(name text, variant text)
    RETURNS boolean LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.add_name_variant(text, text) IS
    'From now on the matcher takes two given names for usual forms of one (admins); false if it did before.';

CREATE FUNCTION contactpoint._do_remove_name_variant(name text, variant text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pair record;
BEGIN
    PERFORM contactpoint._require_role('contactpoint_admin');
    pair := contactpoint._name_pair(name, variant);
    PERFORM contactpoint._lock_matching();
    DELETE FROM contactpoint.name_variant n
    WHERE n.name = pair.name AND n.variant = pair.variant AND NOT n.shipped AND n.counts;
    IF FOUND THEN
        RETURN true;
    END IF;
    -- a new version of the extension, or a restore, ships it again: so it is said
    INSERT INTO contactpoint.name_variant (name, variant, counts)
    SELECT n.name, n.variant, false FROM contactpoint.name_variant n
    WHERE n.name = pair.name AND n.variant = pair.variant AND n.shipped
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;
CREATE FUNCTION contactpoint.remove_name_variant(name text, variant text)
    RETURNS boolean LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'contactpoint_command';
COMMENT ON FUNCTION contactpoint.remove_name_variant(text, text) IS
    'From now on the matcher takes two given names for two again (admins); false if it did before.';
